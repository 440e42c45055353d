package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/exporter-toolkit/web"
)

// Limits of the port: a client that is slow or gone does not hold a connection for long.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	writeTimeout  = time.Minute // a scrape of 100,000 series over a thin line
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10
	maxScrapes    = 8 // at once; more are answered with 503
)

// Options say what a Server serves.
type Options struct {
	Listen        []string      // addresses, e.g. ":9101"; none: no port
	WebConfigFile string        // TLS, client certificates and users; "": plain HTTP
	Drain         time.Duration // for requests under way when Run ends; 0: 5 s
	Gatherer      prometheus.Gatherer
	Registerer    prometheus.Registerer // for the server's own metrics
	Health        *Health               // nil: always ready and alive
	Page          func(now time.Time) Page
	Documents     map[string]func() any // further paths, e.g. "/api/v1/ring", and what is answered there as JSON
	Logger        *slog.Logger
}

// Server is the web port of a daemon.
type Server struct {
	options   Options
	handler   http.Handler
	listeners []net.Listener
}

// New makes a Server and checks the web config file, so that a fault in it is found at start.
func New(o Options) (*Server, error) {
	if err := web.Validate(o.WebConfigFile); err != nil {
		return nil, fmt.Errorf("reading %s (--web.config.file): %w", o.WebConfigFile, err)
	}
	if o.Health == nil {
		o.Health = &Health{}
	}
	o.Drain = cmp.Or(o.Drain, 5*time.Second)
	h, err := newHandler(o)
	if err != nil {
		return nil, err
	}
	return &Server{options: o, handler: h}, nil
}

// Listen binds all addresses, or none and says which could not be bound.
func (s *Server) Listen() error {
	var config net.ListenConfig
	for _, address := range s.options.Listen {
		l, err := config.Listen(context.Background(), "tcp", address)
		if err != nil {
			s.close()
			if op := (*net.OpError)(nil); errors.As(err, &op) {
				err = op.Err // the rest of it repeats the address
			}
			return fmt.Errorf("listening on %q (--web.listen-address): %w", address, err)
		}
		s.listeners = append(s.listeners, l)
	}
	return nil
}

// close gives up what Listen has bound.
func (s *Server) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	s.listeners = nil
}

// Addrs are the addresses bound by Listen, in the order of Options.Listen.
func (s *Server) Addrs() []net.Addr {
	addrs := make([]net.Addr, len(s.listeners))
	for i, l := range s.listeners {
		addrs[i] = l.Addr()
	}
	return addrs
}

// Run serves what Listen has bound until ctx ends or an address fails. It then finishes
// the requests under way, and cuts off those that take longer than Options.Drain.
func (s *Server) Run(ctx context.Context) error {
	defer s.close()
	failed := make(chan error, len(s.listeners))
	var servers []*http.Server
	for _, l := range s.listeners {
		server := s.server() // one each: the toolkit changes the server it is given
		servers = append(servers, server)
		go func() { failed <- s.serve(server, l) }()
	}
	var err error
	running := len(servers)
	select {
	case <-ctx.Done():
	case err = <-failed:
		running--
	}
	err = errors.Join(err, s.shutdown(ctx, servers))
	for range running {
		err = errors.Join(err, <-failed)
	}
	return err
}

func (s *Server) server() *http.Server {
	return &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		// What clients do wrong, such as a broken handshake, is not ours to report each time.
		ErrorLog: slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug),
	}
}

// serve returns nil after a shutdown.
func (s *Server) serve(server *http.Server, l net.Listener) error {
	s.options.Logger.Info("listening", "address", l.Addr().String(), "web_config", s.options.WebConfigFile)
	quiet := slog.New(atLeastWarn{s.options.Logger.Handler()})
	err := web.Serve(l, server, &web.FlagConfig{WebConfigFile: &s.options.WebConfigFile}, quiet)
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving %s: %w", l.Addr(), err)
}

// shutdown ends all servers within one drain time.
func (s *Server) shutdown(ctx context.Context, servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Drain)
	defer cancel()
	var errs []error
	for _, server := range servers {
		if err := server.Shutdown(ctx); err != nil {
			server.Close()
			errs = append(errs, fmt.Errorf("finishing requests within %s: %w", s.options.Drain, err))
		}
	}
	return errors.Join(errs...)
}

// atLeastWarn keeps the toolkit from repeating what serve has logged.
type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}
