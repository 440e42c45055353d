package pollster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/partition"
)

// Config is what a Scheduler is made of.
type Config struct {
	Sources     []Source
	Plugins     []Plugin // those of the chosen namespaces
	Discoveries []discovery.Plugin

	// Coordinator divides resources among the members of the group that is named after
	// Namespaces and GroupPrefix. Without one nothing is divided and no claims are made.
	Coordinator partition.Coordinator
	Member      partition.Member
	GroupPrefix string
	Namespaces  []string

	Writer       Writer
	SampleSource string  // Sample.Source of every sample; "" means "openstack"
	BatchSize    int     // samples per Write; 0 means 50
	Concurrency  int     // pollsters of one task that are polled at once; 0 means all
	Splay        float64 // fraction of the interval, for sources that set none; 0 means 0.7, negative means none

	History *History     // that of the Scheduler before, if there was one in this process
	Logger  *slog.Logger // nil discards
	Metrics *Metrics     // nil counts unseen
}

// Scheduler polls what its sources select. Run and Once are not for concurrent use.
type Scheduler struct {
	config   Config
	wall     func() time.Time
	division *division
	jobs     []*job
	faults   []string
}

// NewScheduler constructs the pollsters that the sources select. One that fails is
// reported in the log and in Status, and left out. The error concerns c itself.
func NewScheduler(c Config) (*Scheduler, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("making scheduler: %w", err)
	}
	s := &Scheduler{config: c, wall: time.Now, division: &division{
		coordinator: c.Coordinator, member: c.Member, log: c.Logger,
		group: groupName(c.Namespaces, c.GroupPrefix),
	}}
	s.build()
	return s, nil
}

// complete checks c and fills in what may be left out.
func (c *Config) complete() error {
	var errs []error
	if c.Writer == nil {
		errs = append(errs, errors.New("there is no writer"))
	}
	if c.Coordinator != nil && c.Member.ID == "" {
		errs = append(errs, errors.New("the member has no id"))
	}
	for _, s := range c.Sources {
		if s.Interval <= 0 || s.Meters == nil || s.Splay > 1 {
			errs = append(errs, fmt.Errorf("source %q: interval %v, splay %v or meters %v cannot be used", s.Name, s.Interval, s.Splay, s.Meters))
		}
	}
	if c.Splay > 1 || c.BatchSize < 0 || c.Concurrency < 0 {
		errs = append(errs, fmt.Errorf("splay %v, batch size %d or concurrency %d cannot be used", c.Splay, c.BatchSize, c.Concurrency))
	}
	c.BatchSize = cmp.Or(c.BatchSize, 50)
	c.SampleSource = cmp.Or(c.SampleSource, "openstack")
	c.Splay = max(cmp.Or(c.Splay, 0.7), 0)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	if c.History == nil {
		c.History = &History{}
	}
	return errors.Join(errs...)
}

// Run joins the group and polls until ctx ends. When it returns every poll has stopped, but
// for those that Status showed as stuck, what they yielded is written or counted as lost,
// claims are settled and the group is left. The error is that of leaving it.
func (s *Scheduler) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	joined := make(chan struct{})
	wg.Go(func() {
		defer close(joined)
		s.division.keepJoining(ctx)
	})
	patience := time.NewTimer(joinPatience)
	defer patience.Stop()
	select {
	case <-joined:
	case <-patience.C:
	case <-ctx.Done():
	}
	s.keepHistory()
	for _, j := range s.jobs {
		wg.Go(func() { j.follow(ctx) })
	}
	wg.Wait()
	s.forget()
	return s.division.leave(ctx)
}

// Once polls one cycle of everything at once and returns when it is written. What goes
// wrong with a pollster is in the log and in Status; the error is that of the group, or
// of ctx.
func (s *Scheduler) Once(ctx context.Context) error {
	if err := s.division.join(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, j := range s.jobs {
		wg.Go(func() { j.cycle(ctx, j.unphased().cycleAt(j.task.wall()), 0, true) })
	}
	wg.Wait()
	s.forget()
	return errors.Join(s.division.leave(ctx), ctx.Err())
}

// forget removes the gauges, which would stay as they are for ever after a reload.
func (s *Scheduler) forget() {
	for _, j := range s.jobs {
		for _, name := range j.sources() {
			s.config.Metrics.forget(name, j.plugin.Name)
		}
	}
}
