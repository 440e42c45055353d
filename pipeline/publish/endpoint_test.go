package publish_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

// arrivals collects resource ids, and lets a test wait for them.
type arrivals struct {
	mu   sync.Mutex
	more *sync.Cond
	ids  []string
}

func newArrivals() *arrivals {
	a := &arrivals{}
	a.more = sync.NewCond(&a.mu)
	return a
}

func (a *arrivals) add(ids ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ids = append(a.ids, ids...)
	a.more.Broadcast()
}

func (a *arrivals) wait(n int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.ids) < n {
		a.more.Wait() // a test that waits in vain ends with the time-out of go test
	}
	return a.ids
}

// web is an HTTP endpoint; ids reads the resources of a request.
func web(ids func(r *http.Request, body []byte) []string, path string) func(*testing.T) publishtest.Endpoint {
	return func(t *testing.T) publishtest.Endpoint {
		a := newArrivals()
		var broken atomic.Bool
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil || broken.Load() {
				http.Error(w, "broken", http.StatusServiceUnavailable)
				return
			}
			a.add(ids(r, body)...)
		}))
		t.Cleanup(s.Close)
		return publishtest.Endpoint{
			URL: strings.Replace(path, "HOST", s.Listener.Addr().String(), 1), Resources: a.wait,
			Break: func() { broken.Store(true) }, Mend: func() { broken.Store(false) },
		}
	}
}

func jsonResources(t *testing.T) func(*http.Request, []byte) []string {
	return func(_ *http.Request, body []byte) []string {
		if body[0] != '[' {
			body = []byte("[" + string(body) + "]")
		}
		var objects []struct {
			ResourceID string `json:"resource_id"`
		}
		if err := json.Unmarshal(body, &objects); err != nil {
			t.Errorf("%v: %s", err, body)
		}
		var ids []string
		for _, o := range objects {
			ids = append(ids, o.ResourceID)
		}
		return ids
	}
}

var labelled = regexp.MustCompile(`resource_id="([^"]*)"`)

func labelResources(_ *http.Request, body []byte) []string {
	var ids []string
	for _, m := range labelled.FindAllSubmatch(body, -1) {
		ids = append(ids, string(m[1]))
	}
	return ids
}

func fileEndpoint(query string, line *regexp.Regexp) func(*testing.T) publishtest.Endpoint {
	return func(t *testing.T) publishtest.Endpoint {
		dir := filepath.Join(t.TempDir(), "spool")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		move := func(from, to string) func() {
			return func() {
				if err := os.Rename(from, to); err != nil {
					t.Error(err)
				}
			}
		}
		return publishtest.Endpoint{
			URL:   "file://" + dir + "/samples" + query,
			Break: move(dir, dir+".away"), Mend: move(dir+".away", dir),
			Resources: func(int) []string {
				data, err := os.ReadFile(dir + "/samples")
				if err != nil {
					t.Error(err)
				}
				var ids []string
				for _, m := range line.FindAllSubmatch(data, -1) {
					ids = append(ids, string(m[1]))
				}
				return ids
			},
		}
	}
}

// msgpackResource is the resource of one message.
func msgpackResource(t *testing.T, data []byte) string {
	var text bytes.Buffer
	if _, err := msgp.UnmarshalAsJSON(&text, data); err != nil {
		t.Errorf("reading msgpack: %v", err)
	}
	var m struct {
		ResourceID string `json:"resource_id"`
	}
	if err := json.Unmarshal(text.Bytes(), &m); err != nil {
		t.Error(err)
	}
	return m.ResourceID
}

func udpEndpoint(t *testing.T) publishtest.Endpoint {
	a := newArrivals()
	var wg sync.WaitGroup
	var conn *net.UDPConn
	listen := func(at *net.UDPAddr) {
		var err error
		if conn, err = net.ListenUDP("udp", at); err != nil {
			t.Error(err)
			return
		}
		c := conn
		wg.Go(func() {
			buf := make([]byte, 1<<16)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				a.add(msgpackResource(t, buf[:n]))
			}
		})
	}
	listen(&net.UDPAddr{IP: net.IPv6loopback})
	at := conn.LocalAddr().(*net.UDPAddr)
	t.Cleanup(func() { conn.Close(); wg.Wait() })
	return publishtest.Endpoint{
		URL: "udp://" + at.String(), Resources: a.wait,
		Break: func() { conn.Close(); wg.Wait() }, Mend: func() { listen(at) },
	}
}

func tcpEndpoint(t *testing.T) publishtest.Endpoint {
	a := newArrivals()
	var (
		wg    sync.WaitGroup
		l     net.Listener
		mu    sync.Mutex
		conns []net.Conn
	)
	listen := func(at string) {
		var err error
		if l, err = new(net.ListenConfig).Listen(t.Context(), "tcp", at); err != nil {
			t.Error(err)
			return
		}
		l := l
		wg.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				mu.Lock()
				conns = append(conns, c)
				mu.Unlock()
				wg.Go(func() {
					for {
						var size [8]byte
						if _, err := io.ReadFull(c, size[:]); err != nil {
							return
						}
						data := make([]byte, binary.LittleEndian.Uint64(size[:]))
						if _, err := io.ReadFull(c, data); err != nil {
							t.Errorf("half a frame: %v", err)
							return
						}
						a.add(msgpackResource(t, data))
					}
				})
			}
		})
	}
	down := func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		conns = nil
		mu.Unlock()
		wg.Wait()
	}
	listen("[::1]:0")
	at := l.Addr().String()
	t.Cleanup(down)
	return publishtest.Endpoint{URL: "tcp://" + at, Resources: a.wait, Break: down, Mend: func() { listen(at) }}
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name      string
		start     func(*testing.T) publishtest.Endpoint
		unordered bool
	}{
		{"file json", fileEndpoint("?json", regexp.MustCompile(`"resource_id": ?"([^"]*)"`)), false},
		{"file python", fileEndpoint("", regexp.MustCompile(`'resource_id': '([^']*)'`)), false},
		{"http", web(jsonResources(t), "http://HOST/in"), false},
		{"http one by one", web(jsonResources(t), "http://HOST/in?batch=false"), false},
		{"prometheus", web(labelResources, "prometheus://HOST/metrics/job/x"), true},
		{"prometheus grouped", web(labelResources, "prometheus://HOST/metrics/job/x/instance/y"), false},
		{"udp", udpEndpoint, false},
		{"tcp", tcpEndpoint, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			publishtest.Run(t, publish.Env{Secret: "s3cr3t", Host: "h"}, func(t *testing.T) publishtest.Endpoint {
				e := c.start(t)
				e.Unordered = c.unordered
				return e
			})
		})
	}
	t.Run("stdout", func(t *testing.T) {
		var out bytes.Buffer
		publishtest.Run(t, publish.Env{Stdout: &out}, func(*testing.T) publishtest.Endpoint {
			out.Reset()
			return publishtest.Endpoint{URL: "stdout://", Resources: func(int) []string {
				return jsonResources(t)(nil, []byte("["+strings.ReplaceAll(strings.TrimSpace(out.String()), "\n", ",")+"]"))
			}}
		})
	})
}
