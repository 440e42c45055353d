package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// membership is a member from its first heartbeat to its departure.
type membership struct {
	group   string
	member  partition.Member
	store   steps.Store
	builder *partition.Builder
	config  *Config
	log     *slog.Logger
	metrics *groupMetrics
	heart   heart

	mu      sync.Mutex // guards what follows
	caller  steps.Caller
	lease   lease
	clock   clock
	view    partition.View // the newest
	ring    *partition.Ring
	state   partition.State
	changed chan struct{}
	pinned  map[string]pinning // by source, the newest
	ledgers map[steps.Key]*ledger
	free    bool // nobody reaches the coordinator, as far as is known: what is owned may be granted here
	grace   bool // the coordinator waits for members to come back, said the last heartbeat
	doubted bool // whether the coordinator still has what it was told, since the last good heartbeat
}

// pinning is a view that all members have agreed on for a cycle.
type pinning struct {
	number   int64
	interval time.Duration // another one has other numbers
	ring     *partition.Ring
}

// errAway says that the coordinator did not answer, so that nobody knows what it did.
var errAway = errors.New("the coordinator does not answer")

func newMembership(group string, m partition.Member, store steps.Store, b *partition.Builder, c *Config) *membership {
	return &membership{
		group: group, member: m, store: store, builder: b, config: c,
		log:     c.Logger.With("group", group, "member", m.ID),
		metrics: c.Metrics.of(group),
		heart:   newHeart(),
		caller:  steps.Caller{ID: m.ID},
		changed: make(chan struct{}),
		pinned:  map[string]pinning{},
		ledgers: map[steps.Key]*ledger{},
	}
}

func (m *membership) Ring() *partition.Ring {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ring
}

// State shows a lease that has run out unnoticed too: the process may have been frozen.
func (m *membership) State() partition.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.state
	now := time.Now()
	s.Skew = m.clock.now(now).Sub(now)
	if s.Mode < partition.Fenced && !m.lease.permits(now) {
		s.Mode, s.Since, s.Reason = partition.Fenced, m.lease.permit, "no heartbeat for a lease's time"
	}
	return s
}

func (m *membership) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *membership) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.clock.now(time.Now())
}

// set changes the mode and says so; m.mu is held.
func (m *membership) set(mode partition.Mode, reason string) {
	if m.state.Mode == mode && !m.state.Since.IsZero() {
		m.state.Reason = reason
		return
	}
	m.state.Mode, m.state.Since, m.state.Reason = mode, time.Now(), reason
	m.metrics.mode(mode)
	m.announce()
}

// announce wakes those who wait for a change; m.mu is held.
func (m *membership) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// ended is why there is no more work, or nil; m.mu is held.
func (m *membership) ended() error {
	switch m.state.Mode {
	case partition.Left:
		return partition.ErrLeft
	case partition.Replaced:
		return partition.ErrReplaced
	default:
		return nil
	}
}

// permitted waits until the member may work: at once while its lease lasts, otherwise
// after the next heartbeat. The error is ErrFenced if it may not, or that of ctx.
func (m *membership) permitted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for again := false; ; again = true {
		m.mu.Lock()
		err, may, reason := m.ended(), m.lease.permits(time.Now()), m.state.Reason
		m.mu.Unlock()
		switch {
		case err != nil:
			return err
		case may:
			return nil
		case again:
			return fmt.Errorf("%w: %s", partition.ErrFenced, reason)
		}
		if err := m.heart.beatNow(ctx); err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// reachable is errAway while heartbeats fail: nothing else needs to wait for its deadline.
func (m *membership) reachable() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Mode == partition.Away || m.state.Mode == partition.Fenced {
		return fmt.Errorf("%w: %s", errAway, m.state.Reason)
	}
	return m.ended()
}

// call makes one request with its deadline.
func (m *membership) call(ctx context.Context, name string, request func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, m.config.Timeout)
	defer cancel()
	err := request(limited)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // the caller has no time left, which says nothing about the coordinator
	}
	m.metrics.failed(name)
	return fmt.Errorf("%w: %w", errAway, err)
}

func (m *membership) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	if err := m.reachable(); err != nil {
		return fmt.Errorf("posting %q: %w", key, err)
	}
	err := m.call(ctx, "post", func(ctx context.Context) error { return m.store.Post(ctx, key, p, keep) })
	if err != nil {
		return fmt.Errorf("posting %q: %w", key, err)
	}
	return nil
}

func (m *membership) Read(ctx context.Context, key string) (p partition.Post, err error) {
	if err := m.reachable(); err != nil {
		return partition.Post{}, fmt.Errorf("reading what is posted under %q: %w", key, err)
	}
	none := false
	err = m.call(ctx, "read", func(ctx context.Context) error {
		p, err = m.store.Read(ctx, key)
		if errors.Is(err, partition.ErrNoPost) {
			none = true
			return nil
		}
		return err
	})
	if none {
		err = partition.ErrNoPost
	}
	if err != nil {
		return partition.Post{}, fmt.Errorf("reading what is posted under %q: %w", key, err)
	}
	return p, nil
}

// Leave ends the heartbeats and tells the coordinator. When that fails the others find out
// at the end of the lease.
func (m *membership) Leave(ctx context.Context) error {
	m.mu.Lock()
	ended := m.state.Mode == partition.Left || m.state.Mode == partition.Replaced
	if !ended {
		m.set(partition.Left, "")
	}
	m.mu.Unlock()
	m.heart.stop()
	m.metrics.forget()
	if ended {
		return nil
	}
	err := m.handIn(ctx)
	if err == nil {
		err = m.call(ctx, "leave", func(ctx context.Context) error { return m.store.Leave(ctx, m.identity()) })
	}
	if err != nil {
		return fmt.Errorf("leaving group %q: %w", m.group, err)
	}
	return nil
}

// identity is who this process is to the coordinator now, for a request that is made now.
func (m *membership) identity() steps.Caller {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calling()
}

// calling is the caller with until when it waits; m.mu is held.
func (m *membership) calling() steps.Caller {
	by := m.caller
	if m.clock.known() {
		by.Until = m.clock.now(time.Now()).Add(m.config.Timeout + m.config.Timeout/4).UnixMilli()
	}
	return by
}
