package worker

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// Config is how members behave. Members of a group should have the same.
type Config struct {
	Settings partition.Settings

	TTL        time.Duration // of the lease; 0 means the backend's, or else 15 s
	Settle     time.Duration // how long a join waits for further ones; 0 means 5 s, negative not at all
	SettleMost time.Duration // how long a join waits at most; 0 means 30 s
	Timeout    time.Duration // of a request; 0 means 2 s

	// Outage is how long to go on while the coordinator is away; 0 means 30 minutes,
	// negative without end.
	Outage time.Duration
	// Ask asks other members of a group, by their addresses, whether they reach the
	// coordinator. Nil when they cannot be asked.
	Ask func(ctx context.Context, group string, addresses []string) Answers
	// StopIsolated stops a member that reaches neither the coordinator nor another member.
	StopIsolated bool

	Logger  *slog.Logger // nil discards
	Metrics *Metrics     // nil counts unseen
}

// Answers is what other members have said.
type Answers struct {
	Answered int    // how many
	Linked   int    // how many of those reach the coordinator
	Epoch    uint64 // of the newest view that one of them knows; 0 when not known
}

// Coordinator joins members into the groups of a Backend.
type Coordinator struct {
	backend Backend
	config  Config
}

var _ partition.Coordinator = (*Coordinator)(nil)

// New makes a coordinator; it asks the backend nothing. The error is that of the settings.
func New(b Backend, c Config) (*Coordinator, error) {
	if err := c.Settings.Validate(); err != nil {
		return nil, err
	}
	c.TTL = cmp.Or(c.TTL, b.TTL(), 15*time.Second)
	c.Settle = max(cmp.Or(c.Settle, 5*time.Second), 0)
	c.SettleMost = cmp.Or(c.SettleMost, 30*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 2*time.Second)
	c.Outage = cmp.Or(c.Outage, 30*time.Minute)
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	if c.Metrics == nil {
		c.Metrics = NewMetrics(nil)
	}
	return &Coordinator{b, c}, nil
}

// Join makes m a member of group. A process that joins under an ID replaces the one that
// has it.
func (c *Coordinator) Join(ctx context.Context, group string, m partition.Member) (partition.Membership, error) {
	if _, err := partition.NewView(0, m); err != nil {
		return nil, fmt.Errorf("joining group %q: %w", group, err)
	}
	builder, err := partition.NewBuilder(c.config.Settings)
	if err != nil {
		return nil, fmt.Errorf("joining group %q: %w", group, err)
	}
	joined := newMembership(group, m, c.backend.Group(group), builder, &c.config)
	joined.metrics.mode(partition.Joining) // seen while the coordinator cannot be reached, too
	if err := joined.join(ctx); err != nil {
		return nil, fmt.Errorf("joining group %q: %w", group, err)
	}
	return joined, nil
}

// Look is what the coordinator knows of a group, for people. It joins nothing.
func (c *Coordinator) Look(ctx context.Context, group string) (steps.Picture, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.backend.Group(group).Look(ctx)
}

// Coverage is what has become of a cycle of a group, for people. era is that of Look.
func (c *Coordinator) Coverage(ctx context.Context, group string, era int64, cycle partition.Cycle) (partition.Coverage, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	return c.backend.Group(group).Coverage(ctx, steps.Turn{Caller: steps.Caller{Era: era},
		Source: cycle.Source, Number: cycle.Number, Interval: cycle.Interval.Milliseconds()})
}

// String says where the coordinator is, without secrets.
func (c *Coordinator) String() string { return c.backend.String() }

// Close ends all connections. Leave first.
func (c *Coordinator) Close() error { return c.backend.Close() }
