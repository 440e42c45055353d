package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// handler answers the paths of the port.
type handler struct {
	mux    *http.ServeMux
	policy string // Content-Security-Policy
	page   *page
	health *Health
	state  func(time.Time) Page
	host   string
	paths  []string // that there are
	log    *slog.Logger
}

func newHandler(o Options) (*handler, error) {
	p, err := newPage()
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("reading the host's name: %w", err)
	}
	ready := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringmeter_telemetry_ready",
		Help: "Whether the daemon is ready (1) or not (0); the status page has the reasons.",
	}, func() float64 {
		if ok, _ := o.Health.Ready(); ok {
			return 1
		}
		return 0
	})
	if err := o.Registerer.Register(ready); err != nil {
		return nil, fmt.Errorf("registering the server's metrics: %w", err)
	}
	h := &handler{mux: http.NewServeMux(), policy: p.policy(), page: p, health: o.Health, state: o.Page, host: host, log: o.Logger}
	h.mux.Handle("/metrics", promhttp.HandlerFor(o.Gatherer, promhttp.HandlerOpts{
		ErrorLog:            &scrapeLog{log: o.Logger},
		ErrorHandling:       promhttp.ContinueOnError, // one broken collector does not hide the rest
		Registry:            o.Registerer,
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
	}))
	h.mux.HandleFunc("/{$}", h.status)
	h.mux.HandleFunc("/api/v1/status", h.statusJSON)
	h.mux.HandleFunc("/-/healthy", h.healthy)
	h.mux.HandleFunc("/-/ready", h.ready)
	h.paths = []string{"/", "/metrics", "/-/healthy", "/-/ready", "/api/v1/status"}
	for _, path := range slices.Sorted(maps.Keys(o.Documents)) {
		h.paths = append(h.paths, path)
		h.mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { answer(w, o.Documents[path]()) })
	}
	h.mux.HandleFunc("/", h.notFound)
	return h, nil
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			h.log.Error("request panicked", "path", r.URL.Path, "err", fmt.Sprint(p))
			text(w, http.StatusInternalServerError, "This page could not be made; the log has the reason.")
		}
	}()
	header(w, "Content-Security-Policy", h.policy)
	header(w, "X-Content-Type-Options", "nosniff")
	header(w, "X-Frame-Options", "deny")
	header(w, "Referrer-Policy", "no-referrer")
	header(w, "Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		text(w, http.StatusMethodNotAllowed, "Only GET and HEAD are answered here.")
		return
	}
	h.mux.ServeHTTP(w, r)
}

// header sets a header unless the web config file has.
func header(w http.ResponseWriter, key, value string) {
	if w.Header().Get(key) == "" {
		w.Header().Set(key, value)
	}
}

func text(w http.ResponseWriter, code int, lines ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

func (h *handler) notFound(w http.ResponseWriter, _ *http.Request) {
	last := len(h.paths) - 1
	text(w, http.StatusNotFound, fmt.Sprintf("Not found. There are %s and %s.", strings.Join(h.paths[:last], ", "), h.paths[last]))
}

func (h *handler) healthy(w http.ResponseWriter, _ *http.Request) {
	if err := h.health.Alive(); err != nil {
		text(w, http.StatusServiceUnavailable, "stuck", err.Error())
		return
	}
	text(w, http.StatusOK, "healthy")
}

func (h *handler) ready(w http.ResponseWriter, _ *http.Request) {
	if ok, reasons := h.health.Ready(); !ok {
		text(w, http.StatusServiceUnavailable, append([]string{"not ready"}, reasons...)...)
		return
	}
	text(w, http.StatusOK, "ready")
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	body, err := h.page.render(h.current(), refresh(r))
	if err != nil {
		h.log.Error("rendering the status page", "err", err)
		text(w, http.StatusInternalServerError, "The page could not be rendered; the log has the reason.")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(body) //nolint:errcheck // a client that went away
}

func (h *handler) statusJSON(w http.ResponseWriter, _ *http.Request) {
	answer(w, h.current())
}

// answer writes v as JSON.
func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(v) //nolint:errcheck // a client that went away
}

// current is the caller's page with what the server knows better or the caller left out.
func (h *handler) current() Page {
	now := time.Now()
	p := Page{Title: "Ringmeter"}
	if h.state != nil {
		p = h.state(now)
	}
	p.Ready, p.Reasons = h.health.Ready()
	if p.Now.IsZero() {
		p.Now = now
	}
	if p.Host == "" {
		p.Host = h.host
	}
	if p.Version == "" {
		p.Version = Version()
	}
	return p
}

// refresh is the number of seconds asked for, 0 when none or nonsense was.
func refresh(r *http.Request) int {
	n, err := strconv.Atoi(r.URL.Query().Get("refresh"))
	if err != nil || n < 1 {
		return 0
	}
	return min(n, 3600)
}

// scrapeLog logs an error of gathering metrics when it is not the same as the last one.
type scrapeLog struct {
	log  *slog.Logger
	mu   sync.Mutex
	last string
}

func (l *scrapeLog) Println(v ...any) {
	message := strings.TrimSpace(fmt.Sprintln(v...))
	l.mu.Lock()
	defer l.mu.Unlock()
	if message != l.last {
		l.last = message
		l.log.Warn("metrics incomplete", "err", message)
	}
}
