package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// Cycle opens a cycle; opening it again gives the same ledger.
func (m *membership) Cycle(ctx context.Context, c partition.Cycle) (partition.Ledger, error) {
	l, err := m.open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("opening cycle %d of source %q: %w", c.Number, c.Source, err)
	}
	return l, nil
}

func (m *membership) open(ctx context.Context, c partition.Cycle) (*ledger, error) {
	if c.Interval < time.Millisecond {
		return nil, fmt.Errorf("interval %v is below a millisecond", c.Interval)
	}
	if err := m.permitted(ctx); err != nil {
		return nil, err
	}
	key := steps.Key{Source: c.Source, Number: c.Number}
	m.mu.Lock()
	l := m.ledgers[key]
	m.mu.Unlock()
	if l != nil && l.cycle.Interval == c.Interval {
		return l, nil
	}
	ring, err := m.begin(ctx, c)
	pinned := err == nil
	if errors.Is(err, errAway) {
		ring, err = m.unpinned(ctx, c)
	}
	if err != nil {
		return nil, err
	}
	return m.keep(&ledger{m: m, cycle: c, ring: ring, unheard: !pinned, journal: journal{}}, pinned), nil
}

// begin has the coordinator pin the view of a cycle.
func (m *membership) begin(ctx context.Context, c partition.Cycle) (*partition.Ring, error) {
	var begun steps.Begun
	err := m.ask(ctx, "begin", func(ctx context.Context, by steps.Caller) (status steps.Status, err error) {
		begun, err = m.store.Begin(ctx, steps.Begin{Turn: turn(by, c, 0), Expected: c.Expected})
		return begun.Status, err
	})
	if err != nil {
		return nil, err
	}
	return m.builder.Ring(begun.View)
}

// unpinned is the ring to go on with while the coordinator is away: that of the source's
// last cycle, which everybody had. Where the view has changed since, others who reach the
// coordinator are on the new one: then they are asked.
func (m *membership) unpinned(ctx context.Context, c partition.Cycle) (*partition.Ring, error) {
	m.mu.Lock()
	ring, err := m.lastPinned(c)
	changed := err == nil && ring.View().Epoch != m.view.Epoch
	m.mu.Unlock()
	if changed {
		if may, why := m.consult(ctx); !may {
			return nil, fmt.Errorf("%w for this cycle: %s", partition.ErrFenced, why)
		}
	}
	return ring, err
}

// lastPinned is the ring of the source's last cycle that all members have agreed on; m.mu
// is held.
func (m *membership) lastPinned(c partition.Cycle) (*partition.Ring, error) {
	if err := m.timely(c); err != nil {
		return nil, err
	}
	members := m.view.Members
	if !slices.ContainsFunc(members, func(o partition.Member) bool { return o.ID == m.member.ID }) {
		return nil, fmt.Errorf("%w, and this worker was not in the newest view", errAway)
	}
	if p, ok := m.pinned[c.Source]; ok {
		return p.ring, nil
	}
	if len(members) == 1 {
		return m.ring, nil
	}
	return nil, fmt.Errorf("%w, and this worker has shared no cycle of the source before", errAway)
}

// timely refuses a cycle like the coordinator would do; m.mu is held.
func (m *membership) timely(c partition.Cycle) error {
	switch now := m.clock.now(time.Now()); {
	case now.Before(c.Start().Add(-time.Second)):
		return partition.ErrClock
	case !now.Before(c.Start().Add(3 * c.Interval)):
		return partition.ErrCycleOver
	}
	return nil
}

// keep remembers a ledger, and its view if everybody has it, and forgets those that are over.
func (m *membership) keep(l *ledger, pinned bool) *ledger {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock.now(time.Now())
	for key, old := range m.ledgers {
		if !now.Before(old.cycle.Start().Add(4 * old.cycle.Interval)) { // one more than the coordinator keeps
			delete(m.ledgers, key)
		}
	}
	key := steps.Key{Source: l.cycle.Source, Number: l.cycle.Number}
	if other := m.ledgers[key]; other != nil && other.cycle.Interval == l.cycle.Interval {
		return other // opened meanwhile
	}
	m.ledgers[key] = l
	if pinned {
		m.pin(l.cycle, l.ring)
	}
	return l
}

// pin remembers the newest view of a source; m.mu is held.
func (m *membership) pin(c partition.Cycle, ring *partition.Ring) {
	if p, ok := m.pinned[c.Source]; !ok || p.interval != c.Interval || p.number <= c.Number {
		m.pinned[c.Source] = pinning{c.Number, c.Interval, ring}
	}
}

// repin takes over the view that others have pinned while this member was on another one.
func (l *ledger) repin(ctx context.Context) error {
	ring, err := l.m.begin(ctx, l.cycle)
	if err == nil {
		l.pin(ring)
	}
	return err
}

// pin notes the ring of the view that everybody has for the cycle.
func (l *ledger) pin(ring *partition.Ring) {
	l.mu.Lock()
	l.ring = ring
	l.mu.Unlock()
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	l.m.pin(l.cycle, ring)
}
