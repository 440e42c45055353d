package publish

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
)

// Env is what publishers need of the process. Its zero value works.
type Env struct {
	Registerer  prometheus.Registerer // of own metrics and of prometheus:// without a host; nil: nowhere
	Logger      *slog.Logger          // nil: silent
	Secret      string                // telemetry_secret, for udp and tcp; empty: they do not sign
	Host        string                // this host's name, as publisher_id
	Stdout      io.Writer             // of stdout://; nil: os.Stdout
	Interval    time.Duration         // longest polling interval, for prometheus:// without a host
	MaxParallel int                   // requests at once to one target; 0: 64
	Drain       time.Duration         // for what is still queued when a publisher is closed; 0: 10 s

	page  *page  // of the Set
	paths *paths // of the Set
}

// Set owns the publishers of a process: one for each URL text, over all reloads of the
// configuration. Its methods are safe for concurrent use.
type Set struct {
	env Env
	m   *instruments

	members sync.WaitGroup

	mu     sync.Mutex
	open   map[string]*member // by URL text
	root   func() (context.Context, context.CancelFunc)
	ending bool
	lost   int // items not delivered at the end
}

// member is one open publisher.
type member struct {
	worker worker
	inner  samples
	name   string
	ctx    context.Context //nolint:containedctx // ends with the drain time after close
	cancel context.CancelFunc
	served bool
}

// worker is what stands before a publisher: a queue, or nothing.
type worker interface {
	samples
	pipeline.Reporter
	run(ctx context.Context) (lost int)
	close()
}

// NewSet makes an empty Set and registers its metrics.
func NewSet(env Env) *Set {
	env.MaxParallel = cmp.Or(env.MaxParallel, 64)
	env.Drain = cmp.Or(env.Drain, 10*time.Second)
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	if env.Stdout == nil {
		env.Stdout = os.Stdout
	}
	env.page, env.paths = &page{}, &paths{}
	s := &Set{env: env, m: newInstruments(env.Registerer), open: map[string]*member{}}
	if env.Registerer != nil {
		env.Registerer.MustRegister(newQueueGauges(s.statuses), env.page)
	}
	return s
}

// Open is the publisher of a URL, the one that is already open if there is one. Network
// publishers connect when they first publish; what is wrong on this host (a directory
// that is missing, a certificate that cannot be read) is an error at once.
func (s *Set) Open(url string) (pipeline.Publisher[metering.Sample], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending {
		return nil, ErrClosed
	}
	if m := s.open[url]; m != nil {
		return m.worker, nil
	}
	p, err := read(url)
	if err != nil {
		return nil, err
	}
	name := s.freeName(config.RedactURL(url))
	inner, err := p.open(s.env)
	if err != nil {
		return nil, fmt.Errorf("opening publisher %s: %w", name, err)
	}
	t := newTally(name, s.m, s.env.Logger)
	m := &member{inner: inner, name: name}
	attempts := timed[metering.Sample]{next: inner, tally: t}
	if p.local {
		m.worker = newDirect(attempts, sampleItems().show, t)
	} else {
		m.worker = newQueue(attempts, sampleItems(), p.policy, t)
	}
	s.open[url] = m
	s.serve(m)
	return m.worker, nil
}

func sampleItems() items[metering.Sample] {
	return items[metering.Sample]{keep: keepSamples, size: sampleSize,
		show: func(s *metering.Sample) string { return string(s.AppendObject(nil)) }}
}

// freeName tells publishers apart whose URLs differ only in their secrets.
func (s *Set) freeName(name string) string {
	used := func(n string) bool {
		for _, m := range s.open {
			if m.name == n {
				return true
			}
		}
		return false
	}
	free := name
	for i := 2; used(free); i++ {
		free = name + " (" + strconv.Itoa(i) + ")"
	}
	return free
}

// SetInterval says how far apart polls are after a reload: Env.Interval from now on.
func (s *Set) SetInterval(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.env.Interval = d
	s.env.page.setInterval(d)
}

// Retain closes every publisher whose URL is not among urls: it takes nothing more, and
// has the drain time to deliver what it holds. Retain does not wait for that; Run does.
func (s *Set) Retain(urls []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for url, m := range s.open {
		if slices.Contains(urls, url) {
			continue
		}
		delete(s.open, url)
		m.worker.close()
		if !m.served { // Run has not begun, so there is nobody who would deliver
			s.finish(m, m.worker.run(ended()))
			continue
		}
		stop := time.AfterFunc(s.env.Drain, m.cancel)
		context.AfterFunc(m.ctx, func() { stop.Stop() })
	}
	if n := s.env.page.hidden(); n > 0 && len(urls) > 0 {
		s.env.Logger.Warn("only one prometheus:// without a host can be shown on /metrics; the one opened last is", "hidden", n)
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Run lets the publishers deliver until ctx ends, then closes them and waits until they
// have delivered what they hold, at most for the drain time. The error says how many
// samples could not be delivered. Run is called once.
func (s *Set) Run(ctx context.Context) error {
	s.mu.Lock()
	s.root = func() (context.Context, context.CancelFunc) {
		return context.WithCancel(context.WithoutCancel(ctx))
	}
	for _, m := range s.open {
		s.serve(m)
	}
	s.mu.Unlock()

	<-ctx.Done()
	s.mu.Lock()
	s.ending = true
	s.mu.Unlock()
	s.Retain(nil)
	s.members.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost > 0 {
		return fmt.Errorf("closing publishers: %d samples could not be delivered within %s", s.lost, s.env.Drain)
	}
	return nil
}

// serve starts a member's goroutine, if Run has begun.
func (s *Set) serve(m *member) {
	if s.root == nil || m.served {
		return
	}
	m.served = true
	m.ctx, m.cancel = s.root()
	s.members.Go(func() {
		defer m.cancel()
		lost := m.worker.run(m.ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finish(m, lost)
	})
}

// finish closes a publisher that nobody uses any more.
func (s *Set) finish(m *member, lost int) {
	if lost > 0 {
		s.env.Logger.Error("samples could not be delivered before the publisher was closed",
			"publisher", m.name, "samples", lost)
	}
	if s.ending {
		s.lost += lost
	}
	if c, ok := m.inner.(io.Closer); ok {
		if err := c.Close(); err != nil {
			s.env.Logger.Error("closing publisher", "publisher", m.name, "err", err)
		}
	}
}

// statuses lists the open publishers by name.
func (s *Set) statuses() map[string]pipeline.PublisherStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]pipeline.PublisherStatus, len(s.open))
	for _, m := range s.open {
		all[m.name] = m.worker.Status()
	}
	return all
}

// Test is the open test:// publisher of a URL, nil if there is none.
func (s *Set) Test(url string) *Test {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.open[url]; m != nil {
		t, _ := m.inner.(*Test)
		return t
	}
	return nil
}
