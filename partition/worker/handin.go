package worker

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// note remembers that the coordinator has to be told.
func (l *ledger) note() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unheard = true
}

// doubt has all journals handed in wholly, for the coordinator may have lost what it was
// told. Until it is back that is done once, so that a return which fails half-way goes on
// where it was.
func (m *membership) doubt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubtAll()
}

// doubtAll is doubt; m.mu is held.
func (m *membership) doubtAll() {
	if m.doubted {
		return
	}
	m.doubted = true
	for _, l := range m.ledgers {
		l.note()
	}
}

// handIn tells the coordinator what it does not know of the journals.
func (m *membership) handIn(ctx context.Context) error {
	m.mu.Lock()
	ledgers := slices.Collect(maps.Values(m.ledgers))
	m.mu.Unlock()
	for _, l := range ledgers {
		l.mu.Lock()
		unheard := l.unheard
		l.mu.Unlock()
		if !unheard {
			continue
		}
		if err := l.tell(ctx); err != nil {
			return err
		}
	}
	return nil
}

// tellUnheard hands in what the coordinator must know before it is asked about the cycle.
func (l *ledger) tellUnheard(ctx context.Context) error {
	l.mu.Lock()
	known := !l.unheard
	l.mu.Unlock()
	if known {
		return nil
	}
	if err := l.m.reachable(); err != nil {
		return err
	}
	return l.tell(ctx)
}

// tell hands in the journal of a cycle and sees to it that the coordinator knows the cycle.
func (l *ledger) tell(ctx context.Context) error {
	status, err := l.backfill(ctx)
	if err == nil && status == steps.Late { // its clock was set, and heartbeats wait for the journal
		if err = l.m.readClock(ctx); err == nil {
			status, err = l.backfill(ctx)
		}
	}
	if err != nil {
		l.note()
		return err
	}
	switch status {
	case steps.OK:
		return l.agree(ctx)
	case steps.Over:
		return nil // nobody asks for it any more
	case steps.WrongEra: // the heartbeat that follows says so too, and everything is handed in again
		l.note()
		return nil
	case steps.TooEarly: // its clock was set back; once more when the cycle has begun
		l.note()
		return nil
	default:
		l.note()
		return errors.New("the coordinator answers to the journal: " + status.String())
	}
}

// backfill hands in the journal.
func (l *ledger) backfill(ctx context.Context) (status steps.Status, err error) {
	l.mu.Lock()
	l.unheard = false // from here on
	var parts steps.Backfill
	for _, p := range slices.Sorted(maps.Keys(l.journal)) {
		switch l.journal[p].stage {
		case done:
			parts.Done = append(parts.Done, p)
		case held:
			parts.Held = append(parts.Held, p)
		case released, returning, elsewhere:
		}
	}
	parts.View = l.ring.View()
	l.mu.Unlock()
	parts.Turn = turn(l.m.identity(), l.cycle, parts.View.Epoch)
	err = l.m.call(ctx, "backfill", func(ctx context.Context) (err error) {
		status, err = l.m.store.Backfill(ctx, parts)
		return err
	})
	if err == nil && status == steps.OK {
		l.m.metrics.backfilled(len(parts.Done))
	}
	return status, err
}

// agree takes over what was pinned: a new ledger lacks what is expected, and another may be
// on another view.
func (l *ledger) agree(ctx context.Context) error {
	var begun steps.Begun
	err := l.m.call(ctx, "begin", func(ctx context.Context) (err error) {
		begun, err = l.m.store.Begin(ctx, steps.Begin{Turn: turn(l.m.identity(), l.cycle, 0), Expected: l.cycle.Expected})
		return err
	})
	if err != nil || begun.Status != steps.OK {
		return err
	}
	ring, err := l.m.builder.Ring(begun.View)
	if err == nil {
		l.pin(ring)
	}
	return err
}
