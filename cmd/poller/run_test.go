package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// running is a poller in this process, driven as an operator drives it: by files,
// signals, its log and its web port.
type running struct {
	t       *testing.T
	signals chan os.Signal
	log     *logTail
	exit    chan int
	aborted chan struct{} // somebody has asked to end the process at once
	url     string
}

// start runs "poller run" with the arguments and waits until its port is open.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	r := &running{t: t, signals: make(chan os.Signal, 4), log: newLogTail(t), exit: make(chan int, 1), aborted: make(chan struct{}, 1)}
	args = append([]string{"run", "--web.listen-address=127.0.0.1:0"}, args...)
	go func() {
		r.exit <- execute(t.Context(), args, process{
			stdout: io.Discard, stderr: r.log, signals: r.signals, abort: func() { r.aborted <- struct{}{} }, tables: builtIn(),
		})
	}()
	r.url = r.log.wait(`status=(http://[^/ ]+)/`)[1]
	return r
}

// stop sends SIGTERM and expects exit code 0.
func (r *running) stop() {
	r.t.Helper()
	r.signals <- syscall.SIGTERM
	select {
	case code := <-r.exit:
		if code != exitOK {
			r.t.Errorf("exit code %d after SIGTERM, want 0; log:\n%s", code, r.log)
		}
	case <-time.After(20 * time.Second):
		r.t.Fatalf("still running 20 s after SIGTERM; log:\n%s", r.log)
	}
}

// get is the body of a path of the web port.
func (r *running) get(path string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
	return resp.StatusCode, string(body)
}

// eventually asks again and again until the answer is yes.
func eventually(t *testing.T, within time.Duration, what string, yes func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(within); ; {
		if yes() {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %s still not: %s", within, what)
		}
	}
}

// logTail keeps a log and lets tests wait for a line.
type logTail struct {
	t       *testing.T
	mu      sync.Mutex
	text    strings.Builder
	changed chan struct{}
}

func newLogTail(t *testing.T) *logTail { return &logTail{t: t, changed: make(chan struct{})} }

func (l *logTail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.text.Write(p)
}

func (l *logTail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns the submatches of the first line that matches.
func (l *logTail) wait(pattern string) []string {
	l.t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.After(15 * time.Second); ; {
		l.mu.Lock()
		text, changed := l.text.String(), l.changed
		l.mu.Unlock()
		if m := re.FindStringSubmatch(text); m != nil {
			return m
		}
		select {
		case <-changed:
		case <-end:
			l.t.Fatalf("no line of the log matches %q:\n%s", pattern, text)
		}
	}
}

// write puts files into a new folder and returns it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		rewrite(t, filepath.Join(dir, name), text)
	}
	return dir
}

func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// pipelineFile is a pipeline.yaml that polls two meters every second.
func pipelineFile(publishers ...string) string {
	return `sources:
  - name: every_second
    interval: 1
    splay: 0
    meters: [hardware.memory.total, hardware.cpu.load.1min]
    sinks: [sink]
sinks:
  - name: sink
    publishers: ["` + strings.Join(publishers, `", "`) + "\"]\n"
}

const useItsPipeline = "[DEFAULT]\nhost = testhost\npipeline_cfg_file = pipeline.yaml\n"

func TestFirstSamplesAppearAtOnce(t *testing.T) {
	r := start(t)
	// At once, not a whole interval of 10 s later.
	eventually(t, 8*time.Second, "a sample on /metrics", func() bool {
		_, body := r.get("/metrics")
		return strings.Contains(body, "\nhardware_memory_total{")
	})
	if code, body := r.get("/-/ready"); code != http.StatusOK {
		t.Errorf("/-/ready answers %d: %s", code, body)
	}
	_, page := r.get("/")
	for _, want := range []string{"meter_source", "host.memory", "prometheus://"} {
		if !strings.Contains(page, want) {
			t.Errorf("the status page does not show %q", want)
		}
	}
	eventually(t, 5*time.Second, "the CPU meters, which need two readings", func() bool {
		_, body := r.get("/metrics")
		return strings.Contains(body, "# TYPE compute_node_cpu_user_time_total counter\n")
	})
	_, body := r.get("/metrics")
	for _, want := range []string{
		"ringmeter_build_info{", "ringmeter_pollster_cycles_total{", "ringmeter_bus_sent_messages_total{",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics does not show %q", want)
		}
	}
	lintOwnMetrics(t, body)
	r.stop()
}

// lintOwnMetrics does what promtool check metrics does, for the poller's own metrics; the
// meters' names are Ceilometer's, and some of its gauges end in "total".
func lintOwnMetrics(t *testing.T, body string) {
	t.Helper()
	var own strings.Builder
	for line := range strings.Lines(body) {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "ringmeter_") {
			own.WriteString(line)
		}
	}
	problems, err := promlint.New(strings.NewReader(own.String())).Lint()
	if err != nil {
		t.Fatalf("reading the metrics: %v", err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// samplesIn reads a file of JSON lines; a line that is no sample is an error.
func samplesIn(t *testing.T, path string) (ids []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var s struct{ ID, Name string }
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil || s.Name == "" {
			t.Fatalf("%s has a line that is no sample: %q (%v)", path, lines.Text(), err)
		}
		ids = append(ids, s.ID)
	}
	return ids
}

func TestStopSendsOnWhatWasSampled(t *testing.T) {
	dir := write(t, map[string]string{"ringmeter.conf": useItsPipeline})
	out := filepath.Join(dir, "samples")
	rewrite(t, filepath.Join(dir, "pipeline.yaml"), pipelineFile("file://"+out+"?json"))
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	eventually(t, 5*time.Second, "three cycles in the file", func() bool { return len(samplesIn(t, out)) >= 6 })
	r.stop()
	ids := samplesIn(t, out)
	if len(ids)%2 != 0 {
		t.Errorf("%d samples are not whole cycles of two", len(ids))
	}
	expectUnique(t, ids)
}

func expectUnique(t *testing.T, ids []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			t.Errorf("sample %s came twice", id)
		}
		seen[id] = true
	}
}

// TestSecondSignalEndsAtOnce stops a poller whose sink never answers: the first signal
// waits for the drain time, the second one does not.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	hang := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	defer server.Close()
	defer close(hang)
	dir := write(t, map[string]string{
		"ringmeter.conf": useItsPipeline + "[ringmeter]\ndrain_timeout = 1\n",
		"pipeline.yaml":  pipelineFile(server.URL),
	})
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	r.log.wait("status page and metrics")
	r.signals <- syscall.SIGTERM
	r.signals <- syscall.SIGINT
	select {
	case <-r.aborted:
	case <-time.After(10 * time.Second):
		t.Errorf("the second signal was not heard; log:\n%s", r.log)
	}
	<-r.exit // this process is not ended, so it drains after all
}

func TestReload(t *testing.T) {
	dir := write(t, map[string]string{"ringmeter.conf": useItsPipeline})
	conf, first, second := filepath.Join(dir, "pipeline.yaml"), filepath.Join(dir, "first"), filepath.Join(dir, "second")
	rewrite(t, conf, pipelineFile("prometheus://", "file://"+first+"?json"))
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	eventually(t, 5*time.Second, "samples in the first file", func() bool { return len(samplesIn(t, first)) > 0 })

	rewrite(t, conf, strings.Replace(pipelineFile("prometheus://"), "interval: 1", "interval: soon", 1))
	r.signals <- syscall.SIGHUP
	r.log.wait(`reload refused.*pipeline\.yaml:3:.*interval`)
	before := len(samplesIn(t, first))
	eventually(t, 5*time.Second, "the old configuration to go on", func() bool { return len(samplesIn(t, first)) > before })

	rewrite(t, conf, pipelineFile("prometheus://", "file://"+second+"?json"))
	r.signals <- syscall.SIGHUP
	r.log.wait(`configuration reloaded`)
	eventually(t, 5*time.Second, "samples in the second file", func() bool { return len(samplesIn(t, second)) > 0 })
	if _, body := r.get("/metrics"); !strings.Contains(body, "\nhardware_memory_total{") {
		t.Error("a series vanished with the reload")
	}
	after := len(samplesIn(t, first))
	r.stop()
	if n := len(samplesIn(t, first)); n != after {
		t.Errorf("the first file grew from %d to %d after the reload", after, n)
	}
	expectUnique(t, samplesIn(t, first))
	expectUnique(t, samplesIn(t, second))
}

// TestReloadPollsNothingAgain reloads within a cycle: a file that gets samples before and
// after has none of them twice, and a meter that is selected anew at once.
func TestReloadPollsNothingAgain(t *testing.T) {
	dir := write(t, map[string]string{"ringmeter.conf": useItsPipeline + "[ringmeter]\ndrain_timeout = 0\n"})
	conf, out := filepath.Join(dir, "pipeline.yaml"), filepath.Join(dir, "samples")
	long := strings.Replace(pipelineFile("file://"+out+"?json"), "interval: 1", "interval: 86400", 1)
	rewrite(t, conf, long)
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	eventually(t, 5*time.Second, "two samples", func() bool { return len(samplesIn(t, out)) == 2 })

	r.signals <- syscall.SIGHUP
	r.log.wait(`configuration reloaded`)
	rewrite(t, conf, strings.Replace(long, "meters: [", "meters: [hardware.memory.used, hardware.memory.cached, ", 1))
	r.signals <- syscall.SIGHUP
	r.log.wait(`(?s)configuration reloaded.*configuration reloaded`)
	eventually(t, 5*time.Second, "the samples of two more meters", func() bool { return len(samplesIn(t, out)) >= 4 })
	r.stop()
	expectUnique(t, samplesIn(t, out))
}

func TestPortInUse(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	log := newLogTail(t)
	code := execute(t.Context(), []string{"run", "--web.listen-address", taken.Addr().String()},
		process{stdout: io.Discard, stderr: log, tables: builtIn()})
	if code == exitOK || !strings.Contains(log.String(), taken.Addr().String()) ||
		!strings.Contains(log.String(), "--web.listen-address") {
		t.Errorf("exit code %d and log %q; want a failure that names the address and the flag", code, log)
	}
}

// TestHangingSinkHoldsUpNobody has one sink whose server fails, then hangs, then works;
// the file beside it must get every cycle meanwhile, and the server all of them at last.
func TestHangingSinkHoldsUpNobody(t *testing.T) {
	var (
		mu    sync.Mutex
		calls int
		got   []string
		heal  = make(chan struct{})
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		calls++
		call := calls
		mu.Unlock()
		switch {
		case call == 1:
			w.WriteHeader(http.StatusInternalServerError)
			return
		case call < 4:
			select {
			case <-heal:
			case <-req.Context().Done():
			}
			return // the client is gone or gets an empty answer that it did not wait for
		}
		var batch []struct{ ID string }
		if err := json.Unmarshal(body, &batch); err != nil {
			t.Errorf("body %q: %v", body, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, s := range batch {
			got = append(got, s.ID)
		}
	}))
	defer server.Close()
	defer close(heal)

	dir := write(t, map[string]string{"ringmeter.conf": useItsPipeline})
	out := filepath.Join(dir, "samples")
	rewrite(t, filepath.Join(dir, "pipeline.yaml"), pipelineFile(server.URL+"/?timeout=1", "file://"+out+"?json"))
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	eventually(t, 10*time.Second, "five cycles in the file beside the failing server",
		func() bool { return len(samplesIn(t, out)) >= 10 })
	eventually(t, 30*time.Second, "the server to get what the file got", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(got) >= 10
	})
	_, body := r.get("/metrics")
	if !regexp.MustCompile(`(?m)^ringmeter_publish_failed_attempts_total\{.*\} [1-9]`).MatchString(body) {
		t.Error("no counter shows the failures")
	}
	r.stop()
	mu.Lock()
	defer mu.Unlock()
	if want := samplesIn(t, out); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the server got %d samples, the file %d; want the same ones in the same order", len(got), len(want))
	}
	expectUnique(t, got)
}

// TestKilledPollerLeavesWholeRecords kills a real process while it writes, three times
// over: whatever was cut off, every line of the file must be one whole sample.
func TestKilledPollerLeavesWholeRecords(t *testing.T) {
	test, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := write(t, map[string]string{"ringmeter.conf": useItsPipeline})
	out := filepath.Join(dir, "samples")
	rewrite(t, filepath.Join(dir, "pipeline.yaml"), strings.Replace(pipelineFile("file://"+out+"?json"),
		"[hardware.memory.total, hardware.cpu.load.1min]", `["*"]`, 1))
	poller := filepath.Join(dir, "poller") // by this name the test binary is the poller
	if err := os.Symlink(test, poller); err != nil {
		t.Fatal(err)
	}
	written := 0
	for range 3 {
		cmd := exec.CommandContext(t.Context(), poller, "run", "--web.listen-address=127.0.0.1:0",
			"--config-file", filepath.Join(dir, "ringmeter.conf"))
		cmd.Env = append(os.Environ(), "HOME="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, 10*time.Second, "more samples", func() bool {
			text, err := os.ReadFile(out)
			return err == nil && len(text) > written+4096
		})
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // "signal: killed"
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		// What a kill in the middle of a write leaves, if this one did not.
		rewrite(t, out, string(text)+`{"name": "cut o`)
		written = len(text)
	}
	r := start(t, "--config-file", filepath.Join(dir, "ringmeter.conf"))
	eventually(t, 10*time.Second, "samples after the last kill", func() bool {
		text, err := os.ReadFile(out)
		return err == nil && len(text) > written+4096
	})
	r.stop()
	if n := len(samplesIn(t, out)); n < 100 {
		t.Errorf("%d samples in the file, want those of at least four cycles", n)
	}
}
