package publish_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got); UPDATE_GOLDEN=1 writes it anew:\n%s", name, d)
	}
}

// wireBatch has every type, null and difficult texts, and two samples of one series.
func wireBatch() []metering.Sample {
	plain := publishtest.Sample("vm-1")
	gauge := publishtest.Sample(`a "quoted" back\slash` + "\nline")
	gauge.Name, gauge.Type, gauge.Volume, gauge.UserID = "memory.usage", metering.Gauge, metering.Float(1.5), metering.Text{}
	delta := publishtest.Sample("eth0/vm 1")
	delta.Name, delta.Type = "network.incoming.bytes.delta", metering.Delta
	nan := publishtest.Sample("")
	nan.Name, nan.Type, nan.Volume, nan.Metadata = "9.lives", metering.Gauge, metering.Float(0), ""
	newer := plain
	newer.Volume, newer.Signature = metering.Uint(1<<64-1), "given"
	return []metering.Sample{plain, gauge, delta, nan, newer}
}

func TestWireFiles(t *testing.T) {
	dir := t.TempDir()
	for name, query := range map[string]string{"file.json": "?json", "file.json.value": "?json=false", "file.python": ""} {
		p := open(t, publish.Env{}, "file://"+dir+"/"+name+query)
		p.publish(t, wireBatch()...)
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		golden(t, strings.TrimSuffix(name, ".value"), data)
	}
	var out bytes.Buffer
	open(t, publish.Env{Stdout: &out}, "stdout://").publish(t, wireBatch()...)
	golden(t, "file.json", out.Bytes())
}

func TestWirePrometheus(t *testing.T) {
	for name, path := range map[string]string{"prometheus.grouped": "/metrics/job/x/zone/y?k=v", "prometheus.resources": "/metrics/job/x?k=v"} {
		var mu sync.Mutex
		var requests []string
		s := serve(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			requests = append(requests, fmt.Sprintf("%s %s\nContent-Type: %s\n\n%s", r.Method, r.RequestURI, r.Header.Get("Content-Type"), body))
		})
		p := open(t, publish.Env{MaxParallel: 1}, strings.Replace(s.URL, "http:", "prometheus:", 1)+path)
		if st := p.publish(t, wireBatch()...); st.Published != 5 {
			t.Errorf("status %+v", st)
		}
		golden(t, name, []byte(strings.Join(requests, "\n")))
	}
}

// One refused resource takes no other with it.
func TestPrometheusRefused(t *testing.T) {
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/bad"):
			w.WriteHeader(http.StatusBadRequest)
		case n == 0:
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	p := open(t, publish.Env{MaxParallel: 1}, strings.Replace(s.URL, "http:", "prometheus:", 1)+"/metrics/job/x")
	var batch []metering.Sample
	for _, id := range []string{"good", "bad", "good", "better"} {
		batch = append(batch, publishtest.Sample(id))
	}
	if st := p.publish(t, batch...); st.Published != 3 || st.Dropped != 1 || st.Failures != 2 {
		t.Errorf("status %+v", st)
	}
}

func TestWireUDP(t *testing.T) {
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := open(t, publish.Env{Secret: "s3cr3t", Host: "host-1"}, "udp://"+conn.LocalAddr().String())
	huge := publishtest.Sample("huge")
	huge.Metadata = metering.Metadata(`{"x":"` + strings.Repeat("x", 1<<16) + `"}`)
	st := p.publish(t, append(wireBatch(), huge)...)
	if st.Published != 5 || st.Dropped != 1 {
		t.Errorf("status %+v", st)
	}
	wantError(t, st.LastError, "too many for a datagram")
	var dump strings.Builder
	buf := make([]byte, 1<<16)
	for range 5 {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		dump.WriteString(hex.Dump(buf[:n]) + "\n")
	}
	golden(t, "udp.hex", []byte(dump.String()))
}

func TestWireTCP(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			close(got)
			return
		}
		defer c.Close()
		data, _ := io.ReadAll(c)
		got <- data
	}()
	p := open(t, publish.Env{Secret: "s3cr3t", Host: "host-1"}, "tcp://"+l.Addr().String())
	p.publish(t, wireBatch()...)
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	golden(t, "tcp.hex", []byte(hex.Dump(<-got)))
}

// A peer that closes the connection after each batch gets all of them, once. One that is
// gone when a batch comes gets it when it is back; see the conformance suite.
func TestTCPPeerCloses(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "[::1]:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const batches = 4
	one := len(wireFrames(t))
	got := make(chan []byte)
	go func() {
		for range batches {
			c, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			data := make([]byte, one)
			if _, err := io.ReadFull(c, data); err != nil {
				t.Error(err)
			}
			c.Close()
			got <- data // only now comes the next batch
		}
	}()
	p := open(t, publish.Env{Secret: "s3cr3t", Host: "host-1"}, "tcp://"+l.Addr().String())
	for i := range batches {
		st := p.publish(t, wireBatch()...)
		if data := <-got; !bytes.Equal(data, wireFrames(t)) {
			t.Errorf("batch %d arrived as %q", i, data)
		}
		if st.Failures != 0 {
			t.Errorf("batch %d: a connection closed meanwhile is no failure: %+v", i, st)
		}
	}
}

// wireFrames is what wireBatch is over tcp, read from the golden.
func wireFrames(t *testing.T) []byte {
	text, err := os.ReadFile("testdata/tcp.hex")
	if err != nil {
		t.Fatal(err)
	}
	var frames []byte
	for row := range strings.Lines(string(text)) {
		row, _, _ = strings.Cut(row, "|")
		if len(row) < 10 {
			continue
		}
		data, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(row[8:]), " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, data...)
	}
	return frames
}

// What leaves by udp is signed as it is sent: a signature that a sample came with was made
// for another message, such as one without the names of user and project.
func TestUDPSignsAnew(t *testing.T) {
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	p := open(t, publish.Env{Secret: "s3cr3t"}, "udp://"+conn.LocalAddr().String())
	s := publishtest.Sample("r")
	metering.NewSigner("s3cr3t").Sign(&s)
	want := s.Signature
	s.Signature = strings.Repeat("0", 64)
	p.publish(t, s)
	buf := make([]byte, 1<<16)
	n, _, err := conn.ReadFrom(buf)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(buf[:n], []byte(want)) {
		t.Errorf("sent as %q, want the signature %s", buf[:n], want)
	}
}

// A peer that takes nothing more does not hold up the end.
func TestTCPEndsWhileItWrites(t *testing.T) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts nothing, so the kernel's buffers fill
	p := open(t, publish.Env{Drain: time.Millisecond}, "tcp://"+l.Addr().String())
	s := publishtest.Sample("r")
	s.Metadata = metering.Metadata(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`)
	p.publish(t, slices.Repeat([]metering.Sample{s}, 32)...)
	from := time.Now()
	if err := p.stop(); err == nil {
		t.Error("32 MiB were acknowledged by nobody")
	}
	if d := time.Since(from); d > time.Second {
		t.Errorf("stopping took %s", d)
	}
}

// An output that takes a part of a line gets the rest of the samples on lines of their own.
func TestStdoutTornLine(t *testing.T) {
	w := &limited{room: len(line("0")) + 10}
	p := open(t, publish.Env{Stdout: w}, "stdout://")
	p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"))
	if err := p.stop(); err != nil { // after one more attempt, for which there is room
		t.Error(err)
	}
	if got, want := w.String(), line("0")+line("1")[:10]+"\n"+line("1"); got != want {
		t.Errorf("written\n%swant\n%s", got, want)
	}
}

// limited is a writer that is full once, after room bytes.
type limited struct {
	strings.Builder
	room int
}

func (w *limited) Write(b []byte) (int, error) {
	n := min(len(b), w.room)
	w.room -= n
	w.Builder.Write(b[:n])
	if n < len(b) {
		w.room = 1 << 20
		return n, io.ErrShortWrite
	}
	return n, nil
}

// A resource id that a path would lose on the way is sent in the other form.
func TestPrometheusPaths(t *testing.T) {
	paths := make(chan string, 1)
	s := serve(t, func(_ int, _ http.ResponseWriter, r *http.Request) { paths <- r.URL.EscapedPath() })
	p := open(t, publish.Env{}, strings.Replace(s.URL, "http:", "prometheus:", 1)+"/metrics/job/x")
	for id, want := range map[string]string{
		"r 1": "resource_id/r%201", "a/b": "resource_id@base64/YS9i", "": "resource_id@base64/=",
		".": "resource_id@base64/Lg", "..": "resource_id@base64/Li4", "...": "resource_id/...",
	} {
		p.publish(t, publishtest.Sample(id))
		if got := <-paths; got != "/metrics/job/x/"+want {
			t.Errorf("%q is sent to %s, want %s", id, got, want)
		}
	}
}
