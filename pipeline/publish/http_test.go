package publish_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

// serve is an HTTP server whose n-th request, from 0, is answered by answer.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *httptest.Server {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(int(n.Add(1)-1), w, r) }))
	t.Cleanup(s.Close)
	return s
}

// What an answer means: delivered, tried again, or set aside at once.
func TestHTTPAnswers(t *testing.T) {
	for _, c := range []struct {
		code     int
		header   string // Retry-After or Location
		attempts int64
		lost     uint64
		err      string
	}{
		{200, "", 1, 0, ""}, {202, "", 1, 0, ""}, {204, "", 1, 0, ""}, {304, "", 1, 0, ""},
		{500, "", 2, 0, "answers 500 Internal Server Error: \"because\""}, {503, "0", 2, 0, "answers 503"},
		{408, "", 2, 0, "answers 408"}, {425, "", 2, 0, "answers 425"}, {429, "", 2, 0, "answers 429"},
		{302, "/elsewhere", 2, 0, "write the URL that it redirects to"}, {301, "/elsewhere", 2, 0, "redirects"},
		{400, "", 1, 1, "answers 400"}, {401, "", 1, 1, "answers 401"}, {403, "", 1, 1, "answers 403"}, {404, "", 1, 1, "answers 404"}, {413, "", 1, 1, "answers 413"},
	} {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			t.Parallel()
			var attempts atomic.Int64
			s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
				attempts.Add(1)
				w.Header().Set("Retry-After", c.header)
				w.Header().Set("Location", c.header)
				if n == 0 {
					w.WriteHeader(c.code)
				}
				fmt.Fprint(w, "because")
			})
			p := open(t, publish.Env{}, s.URL)
			p.publish(t, publishtest.Sample("r"))
			if err := p.stop(); err != nil {
				t.Error(err)
			}
			st := p.Publisher.(pipeline.Reporter).Status()
			if attempts.Load() != c.attempts || st.Dropped != c.lost || st.Published != 1-c.lost {
				t.Errorf("%d attempts, %+v; want %d, %d lost", attempts.Load(), st, c.attempts, c.lost)
			}
			wantError(t, st.LastError, c.err)
		})
	}
}

// A redirect that keeps the method keeps the samples.
func TestHTTPFollowsRedirect(t *testing.T) {
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Method != http.MethodPost || r.URL.Path != "/there" || !strings.HasPrefix(string(body), `[{"name"`) {
			t.Errorf("%s %s %s", r.Method, r.URL, body)
		}
	})
	if st := open(t, publish.Env{}, s.URL).publish(t, publishtest.Sample("r")); st.Published != 1 {
		t.Errorf("status %+v", st)
	}
}

// A server that answers 500 and then hangs holds nobody up, and gets everything in the end.
func TestHTTPHangs(t *testing.T) {
	release, hanging := make(chan struct{}), make(chan struct{})
	var got atomic.Int64
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch n {
		case 0:
			w.WriteHeader(http.StatusInternalServerError)
		case 1:
			close(hanging)
			<-release
		default:
			got.Add(int64(strings.Count(string(body), `"resource_id"`)))
		}
	})
	p := open(t, publish.Env{}, s.URL+"?timeout=0.3")
	from := time.Now()
	p.publish(t, publishtest.Sample("0"))
	<-hanging
	for i := range 50 {
		p.publish(t, publishtest.Sample(fmt.Sprint(i)))
	}
	if d := time.Since(from); d > 4*time.Second {
		t.Errorf("51 batches took %s", d)
	}
	close(release)
	if err := p.stop(); err != nil || got.Load() != 51 {
		t.Errorf("%v; %d samples arrived, want 51", err, got.Load())
	}
}

func TestHTTPRetryAfter(t *testing.T) {
	times := make(chan time.Time, 2)
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		times <- time.Now()
		if n == 0 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	open(t, publish.Env{}, s.URL).publish(t, publishtest.Sample("r"))
	first := <-times
	if d := (<-times).Sub(first); d < time.Second {
		t.Errorf("tried again after %s, asked for 1 s", d)
	}
}

func TestHTTPRequest(t *testing.T) {
	const query = "policy=queue&timeout=2&max_retries=0&batch=true&max_retry=3&max_queue_length=5&verify_ssl=true&raw_only=false"
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if got := fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", user, ":", password); got != "POST /in?a=b+c&token=t application/json me:p@ss/word" {
			t.Errorf("request %s", got)
		}
		body, _ := io.ReadAll(r.Body)
		sample := publishtest.Sample("r")
		one := string(sample.AppendObject(nil))
		if string(body) != "["+one+","+one+"]" {
			t.Errorf("body %s", body)
		}
	})
	u := strings.Replace(s.URL, "://", "://me:"+url.QueryEscape("p@ss/word")+"@", 1) + "/in?a=b+c&token=t&" + query
	p := open(t, publish.Env{}, u)
	if st := p.publish(t, publishtest.Sample("r"), publishtest.Sample("r")); st.Published != 2 {
		t.Errorf("status %+v", st)
	}
}

// Errors hold neither password nor token.
func TestHTTPErrorsHideSecrets(t *testing.T) {
	s := serve(t, nil)
	s.Close()
	p := open(t, publish.Env{Drain: time.Nanosecond}, strings.Replace(s.URL, "://", "://me:secret@", 1)+"/?token=secret")
	st := p.publish(t, publishtest.Sample("r"))
	wantError(t, st.LastError, "connection refused")
	if strings.Contains(st.LastError+st.URL, "secret") {
		t.Errorf("status %+v", st)
	}
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	// The server's own certificate serves as authority and as client certificate.
	pair := s.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, private := write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
	client := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) != 1 {
			t.Error("no client certificate")
		}
	}))
	client.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12}
	client.Config.ErrorLog = s.Config.ErrorLog
	client.StartTLS()
	defer client.Close()

	for _, c := range []struct{ url, err string }{
		{s.URL, "certificate"},
		{s.URL + "?verify_ssl=false", ""}, {s.URL + "?verify_ssl=" + cert, ""},
		{"prometheus://" + s.Listener.Addr().String() + "/metrics/job/x?ssl=true&verify_ssl=no", ""},
		{client.URL + "?verify_ssl=no", "certificate required"},
		{client.URL + "?verify_ssl=no&clientcert=" + cert + "&clientkey=" + private, ""},
	} {
		p := open(t, publish.Env{Drain: time.Nanosecond}, c.url+map[bool]string{true: "&", false: "?"}[strings.Contains(c.url, "?")]+"policy=drop")
		st := p.publish(t, publishtest.Sample("r"))
		wantError(t, st.LastError, c.err)
	}
	for _, c := range []struct{ query, err string }{
		{"verify_ssl=/nowhere.pem", "verify_ssl: reading certificates"},
		{"verify_ssl=" + private, "verify_ssl: there is no certificate in"},
		{"clientcert=" + cert, "clientcert, clientkey:"},
	} {
		if _, err := publish.NewSet(publish.Env{}).Open(s.URL + "?" + c.query); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("Open with %s = %v, want %s", c.query, err, c.err)
		}
	}
}

// One by one, what is refused is set aside alone.
func TestHTTPOneByOneRefused(t *testing.T) {
	s := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	p := open(t, publish.Env{}, s.URL+"?batch=false")
	st := p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"), publishtest.Sample("2"))
	if st.Published != 2 || st.Dropped != 1 || len(st.SetAside) != 1 || !strings.Contains(st.SetAside[0].First, `"resource_id":"1"`) {
		t.Errorf("status %+v", st)
	}
}

// A batch that is too large goes in parts, and one sample that is refused takes no other
// one with it.
func TestHTTPBatchRefused(t *testing.T) {
	const n = 100
	for _, c := range []struct {
		name   string
		accept func(body []byte) int
		lost   int
		posts  int64 // at most
	}{
		{"too large", func(body []byte) int {
			if len(body) > 4000 {
				return http.StatusRequestEntityTooLarge
			}
			return http.StatusOK
		}, 0, 20},
		{"not JSON to them", func(body []byte) int {
			if !json.Valid(body) {
				return http.StatusBadRequest
			}
			return http.StatusOK
		}, 3, 60},
		{"nothing is right", func([]byte) int { return http.StatusUnprocessableEntity }, n, 100},
		{"unwelcome", func([]byte) int { return http.StatusForbidden }, n, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var (
				posts atomic.Int64
				mu    sync.Mutex
				got   []string
			)
			s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				posts.Add(1)
				body, _ := io.ReadAll(r.Body)
				code := c.accept(body)
				w.WriteHeader(code)
				if code != http.StatusOK {
					return
				}
				var arrived []struct {
					Resource string `json:"resource_id"`
				}
				if err := json.Unmarshal(body, &arrived); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, a := range arrived {
					got = append(got, a.Resource)
				}
			})
			var batch []metering.Sample
			var want []string
			for i := range n {
				one := publishtest.Sample(fmt.Sprintf("%03d", i))
				if c.lost == 3 && (i == 7 || i == 8 || i == n-1) {
					one.Volume = metering.Float(math.NaN())
				} else if c.lost < n {
					want = append(want, one.ResourceID)
				}
				batch = append(batch, one)
			}
			st := open(t, publish.Env{}, s.URL).publish(t, batch...)
			if st.Dropped != uint64(c.lost) || st.Published != uint64(n-c.lost) || posts.Load() > c.posts {
				t.Errorf("%d posts, status %+v; want %d lost", posts.Load(), st, c.lost)
			}
			if !slices.Equal(got, want) {
				t.Errorf("arrived: %q", got)
			}
		})
	}
}

// After a part has arrived, a failure repeats only the rest.
func TestHTTPBatchRefusedThenFails(t *testing.T) {
	var got atomic.Int64
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch n {
		case 0:
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			got.Add(int64(strings.Count(string(body), `"resource_id"`)))
		}
	})
	p := open(t, publish.Env{}, s.URL)
	p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"), publishtest.Sample("2"))
	if err := p.stop(); err != nil || got.Load() != 3 {
		t.Errorf("%v; %d samples arrived, want 3", err, got.Load())
	}
}
