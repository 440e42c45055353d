package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

const anyPort = "127.0.0.1:0"

// running is a Server that serves.
type running struct {
	*telemetry.Server
	client *http.Client
	scheme string
	stop   context.CancelFunc
	ended  chan error
}

// start serves o, completed where a test does not care, until the test ends.
func start(t *testing.T, o telemetry.Options) *running {
	t.Helper()
	if o.Listen == nil {
		o.Listen = []string{anyPort}
	}
	if o.Registerer == nil {
		reg := prometheus.NewPedanticRegistry()
		o.Registerer, o.Gatherer = reg, reg
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := telemetry.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{Server: s, scheme: "http", stop: cancel, ended: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		r.client.CloseIdleConnections()
		<-done
	})
	return r
}

// answer is what stands before the body of a response.
type answer struct {
	StatusCode int
	Header     http.Header
}

// do sends one request and returns the whole answer.
func (r *running) do(t *testing.T, method, path string, headers ...string) (answer, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.scheme+"://"+r.Addrs()[0].String()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, string(body)
}

func TestPaths(t *testing.T) {
	health := telemetry.NewHealth("bus", "coordinator")
	health.Set("coordinator", errors.New("connection refused"))
	r := start(t, telemetry.Options{Health: health})
	for _, c := range []struct {
		method, path string
		code         int
		kind, body   string
	}{
		{"GET", "/-/healthy", 200, "text/plain", "healthy\n"},
		{"GET", "/-/ready", 503, "text/plain", "not ready\nbus: starting\ncoordinator: connection refused\n"},
		{"HEAD", "/-/ready", 503, "text/plain", ""},
		{"HEAD", "/metrics", 200, "text/plain", ""},
		{"HEAD", "/", 200, "text/html", ""},
		{"GET", "/nothing", 404, "text/plain", "Not found. There are /, /metrics, /-/healthy, /-/ready and /api/v1/status.\n"},
		{"GET", "/-/reload", 404, "text/plain", "Not found. There are /, /metrics, /-/healthy, /-/ready and /api/v1/status.\n"},
		{"POST", "/", 405, "text/plain", "Only GET and HEAD are answered here.\n"},
		{"DELETE", "/api/v1/status", 405, "text/plain", "Only GET and HEAD are answered here.\n"},
		{"OPTIONS", "/nothing", 405, "text/plain", "Only GET and HEAD are answered here.\n"},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			resp, body := r.do(t, c.method, c.path)
			if resp.StatusCode != c.code || body != c.body || !strings.HasPrefix(resp.Header.Get("Content-Type"), c.kind) {
				t.Errorf("%d %s %q, want %d %s %q", resp.StatusCode, resp.Header.Get("Content-Type"), body, c.code, c.kind, c.body)
			}
			if c.code == 405 && resp.Header.Get("Allow") != "GET, HEAD" {
				t.Errorf("Allow: %q", resp.Header.Get("Allow"))
			}
			for key, part := range map[string]string{
				"Content-Security-Policy": "frame-ancestors 'none'",
				"X-Content-Type-Options":  "nosniff",
				"X-Frame-Options":         "deny",
				"Referrer-Policy":         "no-referrer",
				"Cache-Control":           "no-store",
			} {
				if !strings.Contains(resp.Header.Get(key), part) {
					t.Errorf("%s: %q lacks %q", key, resp.Header.Get(key), part)
				}
			}
			if csp := resp.Header.Get("Content-Security-Policy"); strings.Contains(csp, "script") || strings.Contains(csp, "unsafe") {
				t.Errorf("policy allows scripts or anything inline: %q", csp)
			}
		})
	}
}

func TestReadyOnceAllConditionsHold(t *testing.T) {
	health := telemetry.NewHealth("bus")
	r := start(t, telemetry.Options{Health: health})
	if resp, _ := r.do(t, "GET", "/-/ready"); resp.StatusCode != 503 {
		t.Errorf("%d before the condition holds", resp.StatusCode)
	}
	health.Set("bus", nil)
	if resp, body := r.do(t, "GET", "/-/ready"); resp.StatusCode != 200 || body != "ready\n" {
		t.Errorf("%d %q once it holds", resp.StatusCode, body)
	}
}

func TestStuckLoopIsUnhealthy(t *testing.T) {
	health := &telemetry.Health{}
	health.Watch("schedule", -time.Second)
	r := start(t, telemetry.Options{Health: health})
	if resp, body := r.do(t, "GET", "/-/healthy"); resp.StatusCode != 503 || !strings.HasPrefix(body, "stuck\nschedule: no progress for ") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	reg := prometheus.NewPedanticRegistry()
	s, err := telemetry.New(telemetry.Options{Listen: []string{anyPort, taken.Addr().String()},
		Gatherer: reg, Registerer: reg, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Listen()
	want := `listening on "` + taken.Addr().String() + `" (--web.listen-address): bind: address already in use`
	if err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
	if n := len(s.Addrs()); n != 0 {
		t.Errorf("%d other addresses stay bound", n)
	}
}

func TestSeveralAddressesAndNone(t *testing.T) {
	r := start(t, telemetry.Options{Listen: []string{anyPort, anyPort}})
	for _, a := range r.Addrs() {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+a.String()+"/-/healthy", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	none := start(t, telemetry.Options{Listen: []string{}})
	none.stop()
	if err := <-none.ended; err != nil {
		t.Errorf("without an address: %v", err)
	}
}

// blockingPage lets a test hold a request in the middle.
func blockingPage() (page func(time.Time) telemetry.Page, entered, release chan struct{}) {
	entered, release = make(chan struct{}), make(chan struct{})
	return func(time.Time) telemetry.Page {
		entered <- struct{}{}
		<-release
		return telemetry.Page{Title: "late"}
	}, entered, release
}

func TestShutdownFinishesRequests(t *testing.T) {
	page, entered, release := blockingPage()
	r := start(t, telemetry.Options{Page: page, Drain: time.Minute})
	answer := make(chan string, 1)
	go func() {
		_, body := r.do(t, "GET", "/api/v1/status")
		answer <- body
	}()
	<-entered
	r.stop()
	close(release)
	if body := <-answer; !strings.Contains(body, `"late"`) {
		t.Errorf("answer %q", body)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("shutting down: %v", err)
	}
}

func TestShutdownCutsOffAfterTheDrainTime(t *testing.T) {
	page, entered, release := blockingPage()
	defer close(release)
	r := start(t, telemetry.Options{Page: page, Drain: 20 * time.Millisecond})
	cut := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.Addrs()[0].String()+"/", nil)
		if err == nil {
			var resp *http.Response
			if resp, err = r.client.Do(req); err == nil {
				resp.Body.Close()
			}
		}
		cut <- err
	}()
	<-entered
	r.stop()
	// The request is still held: Run must return nevertheless.
	if err := <-r.ended; err == nil || !strings.Contains(err.Error(), "finishing requests within 20ms") {
		t.Errorf("Run returned %v", err)
	}
	if err := <-cut; err == nil {
		t.Error("the request was answered")
	}
}

func TestPanicIsAnAnswerAndALogLine(t *testing.T) {
	var log lockedBuffer
	r := start(t, telemetry.Options{Logger: telemetry.NewLogger(&log, "text", slog.LevelInfo),
		Page: func(time.Time) telemetry.Page { panic("index out of range") }})
	if resp, body := r.do(t, "GET", "/"); resp.StatusCode != 500 || strings.Contains(body, "index") {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	if !strings.Contains(log.String(), `msg="request panicked" path=/ err="index out of range"`) {
		t.Errorf("log: %s", log.String())
	}
}

func TestMetricsPage(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	sent := prometheus.NewCounter(prometheus.CounterOpts{Name: "ringmeter_bus_sent_samples_total", Help: "Samples sent."})
	if err := reg.Register(sent); err != nil {
		t.Fatal(err)
	}
	sent.Add(42)
	r := start(t, telemetry.Options{Gatherer: reg, Registerer: reg})
	_, text := r.do(t, "GET", "/metrics")
	golden(t, "metrics.txt", text)
	resp, open := r.do(t, "GET", "/metrics", "Accept", "application/openmetrics-text;version=1.0.0")
	golden(t, "metrics.openmetrics", open)
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "application/openmetrics-text; version=1.0.0") {
		t.Errorf("negotiated %q", kind)
	}
	lint(t, reg)
}

func lint(t *testing.T, g prometheus.Gatherer, names ...string) {
	t.Helper()
	problems, err := testutil.GatherAndLint(g, names...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// broken fails to gather beside what it has gathered.
type broken struct{ prometheus.Collector }

func (broken) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.NewInvalidMetric(prometheus.NewDesc("broken", "Broken.", nil, nil), errors.New("disk gone"))
}
func (broken) Describe(chan<- *prometheus.Desc) {}

func TestBrokenCollectorHidesNothingAndIsLoggedOnce(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(broken{}); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	r := start(t, telemetry.Options{Gatherer: reg, Registerer: reg, Logger: telemetry.NewLogger(&log, "text", slog.LevelWarn)})
	r.do(t, "GET", "/metrics")
	resp, body := r.do(t, "GET", "/metrics")
	for _, want := range []string{"ringmeter_telemetry_ready 1", `promhttp_metric_handler_errors_total{cause="gathering"} 1`} {
		if resp.StatusCode != 200 || !strings.Contains(body, want) {
			t.Errorf("%d, no %s in:\n%s", resp.StatusCode, want, body)
		}
	}
	if n := strings.Count(log.String(), "disk gone"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, log.String())
	}
}

// held is a collector that waits, so that scrapes pile up.
type held struct {
	broken
	entered, release chan struct{}
}

func (h held) Collect(chan<- prometheus.Metric) {
	h.entered <- struct{}{}
	<-h.release
}

func TestConcurrentScrapesAreLimited(t *testing.T) {
	const limit = 8
	reg := prometheus.NewPedanticRegistry()
	h := held{entered: make(chan struct{}), release: make(chan struct{})}
	if err := reg.Register(h); err != nil {
		t.Fatal(err)
	}
	r := start(t, telemetry.Options{Gatherer: reg, Registerer: reg})
	var wg sync.WaitGroup
	for range limit {
		wg.Go(func() { r.do(t, "GET", "/metrics") })
		<-h.entered
	}
	if resp, _ := r.do(t, "GET", "/metrics"); resp.StatusCode != 503 {
		t.Errorf("scrape %d got %d", limit+1, resp.StatusCode)
	}
	close(h.release)
	wg.Wait()
}

func TestBuildMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if err := telemetry.RegisterBuild(reg); err != nil {
		t.Fatal(err)
	}
	lint(t, reg, "ringmeter_build_info")
	for _, name := range []string{"ringmeter_build_info", "go_goroutines", "process_open_fds"} {
		if n, err := testutil.GatherAndCount(reg, name); n != 1 || err != nil {
			t.Errorf("%s: %d series, %v", name, n, err)
		}
	}
	if err := telemetry.RegisterBuild(reg); err == nil {
		t.Error("registered twice")
	}
}

// lockedBuffer is a log that server goroutines write and a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
