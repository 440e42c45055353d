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

	// Groups divide resources among the members of groups that are named after Namespaces
	// and GroupPrefix. Without them nothing is divided and no claims are made.
	Groups         *Groups
	GroupPrefix    string
	Namespaces     []string
	ShareDiscovery bool // one member of a group lists for all

	Writer       Writer
	SampleSource string  // Sample.Source of every sample; "" means "openstack"
	BatchSize    int     // samples per Write; 0 means 50
	Concurrency  int     // pollsters of one task that are polled at once; 0 means all
	Splay        float64 // fraction of the interval, for sources that set none; 0 means 0.7, negative means none

	// Drain is how long polls that go on may take when Run is to end; 0 cuts them off.
	Drain time.Duration

	History *History     // that of the Scheduler before, if there was one in this process
	Logger  *slog.Logger // nil discards
	Metrics *Metrics     // nil counts unseen
}

// Scheduler polls what its sources select. Run and Once are not for concurrent use.
type Scheduler struct {
	config Config
	wall   func() time.Time
	clock  *clock
	naming naming
	groups []string // that are needed, in the order of the discoveries and sources
	jobs   []*job
	faults []string
}

// NewScheduler constructs the pollsters that the sources select. One that fails is
// reported in the log and in Status, and left out. The error concerns c itself.
func NewScheduler(c Config) (*Scheduler, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("making scheduler: %w", err)
	}
	s := &Scheduler{config: c, wall: time.Now, naming: newNaming(c.Namespaces, c.GroupPrefix, c.Discoveries)}
	s.clock = &clock{groups: c.Groups, wall: func() time.Time { return s.wall() }}
	s.build()
	return s, nil
}

// complete checks c and fills in what may be left out.
func (c *Config) complete() error {
	var errs []error
	if c.Writer == nil {
		errs = append(errs, errors.New("there is no writer"))
	}
	if c.Groups != nil && c.Groups.config.Member.ID == "" {
		errs = append(errs, errors.New("the member has no id"))
	}
	for _, s := range c.Sources {
		if s.Interval <= 0 || s.Meters == nil || s.Splay > 1 {
			errs = append(errs, fmt.Errorf("source %q: interval %v, splay %v or meters %v cannot be used", s.Name, s.Interval, s.Splay, s.Meters))
		}
	}
	if c.Splay > 1 || c.BatchSize < 0 || c.Concurrency < 0 || c.Drain < 0 {
		errs = append(errs, fmt.Errorf("splay %v, batch size %d, concurrency %d or drain %v cannot be used", c.Splay, c.BatchSize, c.Concurrency, c.Drain))
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

const (
	// clockPatience is how long Run waits for a group's clock before it goes by its own.
	clockPatience = time.Second
	// oncePatience is how long Once waits for its place in the groups: joins settle.
	oncePatience = 45 * time.Second
)

// Run joins the groups that are needed, leaves the others, and polls until ctx ends. When it
// returns every poll has stopped, but for those that Status showed as stuck, what they
// yielded is written or counted as lost, and claims are settled. It leaves no group that
// was needed. The error wraps partition.ErrReplaced if another worker has this one's ID.
func (s *Scheduler) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	if s.config.Groups != nil {
		s.leaveUnneeded(ctx)
		for _, name := range s.groups {
			wg.Go(func() {
				if err := s.config.Groups.keep(ctx, name); err != nil {
					stop(err)
				}
			})
		}
		s.config.Groups.meet(ctx, s.groups, clockPatience)
	}
	s.keepHistory()
	for _, j := range s.jobs {
		wg.Go(func() { j.follow(ctx) })
	}
	wg.Wait()
	s.forget()
	if err := context.Cause(ctx); errors.Is(err, partition.ErrReplaced) {
		return err
	}
	return nil
}

// leaveUnneeded leaves the groups of an earlier configuration.
func (s *Scheduler) leaveUnneeded(ctx context.Context) {
	needed := make(map[string]bool, len(s.groups))
	for _, name := range s.groups {
		needed[name] = true
	}
	if err := s.config.Groups.retain(ctx, needed); err != nil {
		s.config.Logger.Warn("groups that are not needed any more could not be left", "err", err)
	}
}

// Once joins the groups, polls one cycle of everything at once and returns when it is
// written; the caller leaves the groups. What goes wrong with a pollster is in the log and
// in Status; the error is that of a group, or of ctx.
func (s *Scheduler) Once(ctx context.Context) error {
	if err := s.joinOnce(ctx); err != nil {
		return err
	}
	var wg sync.WaitGroup
	for _, j := range s.jobs {
		wg.Go(func() { j.once(ctx) })
	}
	wg.Wait()
	s.forget()
	return ctx.Err()
}

// joinOnce joins all groups that are needed and waits for a place in them.
func (s *Scheduler) joinOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, oncePatience)
	defer cancel()
	for _, name := range s.groups {
		gs := s.config.Groups
		if err := gs.join(ctx, name); err != nil {
			if gs.workAlone(ctx, name, err); gs.look(name).standIn == nil {
				return fmt.Errorf("joining group %q: %w", name, err)
			}
			continue
		}
		for {
			m := gs.look(name).membership
			changed := m.Changed()
			if m.State().Mode == partition.Linked {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return fmt.Errorf("waiting for a place in group %q: %w", name, ctx.Err())
			}
		}
	}
	return nil
}

// forget removes the gauges, which would stay as they are for ever after a reload.
func (s *Scheduler) forget() {
	for _, j := range s.jobs {
		for _, name := range j.sources() {
			s.config.Metrics.forget(name, j.plugin.Name)
		}
		s.config.Metrics.forgetCycles(j.ledger)
	}
	for _, name := range s.groups {
		s.config.Metrics.ownedPartitions.DeleteLabelValues(name)
	}
}
