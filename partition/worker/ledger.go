package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// ledger is one cycle of one source in the hands of this member. All who open the cycle
// share it.
type ledger struct {
	m     *membership
	cycle partition.Cycle

	mu      sync.Mutex
	ring    *partition.Ring // of the pinned view
	unheard bool            // the coordinator has not been told of the cycle, or of what the journal holds
	dropped bool            // the member has lost its place in the group since: others may have its share
	journal journal
	losses  int // how often something held was given up or taken
	sure    certainty
}

// stealPercent is how much of a cycle must be over before others take over what nobody has
// claimed; the coordinator sees to it.
const stealPercent = 85

func (l *ledger) Ring() *partition.Ring {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ring
}

func (l *ledger) Claim(ctx context.Context, why partition.Reason, parts ...int) ([]partition.Claim, error) {
	for _, p := range parts {
		if p < 0 || p >= l.Ring().Settings().Partitions {
			return nil, l.failed("claiming partitions", fmt.Errorf("there is no partition %d", p))
		}
	}
	if err := l.m.permitted(ctx); err != nil {
		return nil, l.failed("claiming partitions", err)
	}
	wanted := l.untouched(parts)
	if len(wanted) == 0 {
		return nil, nil
	}
	renewal := l.m.renewal() // before asking: the lease may be over when the answer comes
	var reply steps.Parts
	err := l.ask(ctx, "claim", func(ctx context.Context, t steps.Turn) (status steps.Status, err error) {
		reply, err = l.m.store.Claim(ctx, steps.Claim{Turn: t, Reason: why, Parts: wanted})
		return reply.Status, err
	})
	if err == nil {
		return l.take(wanted, reply.Parts, renewal, l.m.graced()), nil
	}
	l.wonder(wanted)
	away := errors.Is(err, errAway)
	if away && why != partition.Own {
		return nil, nil // only the coordinator knows what is free
	}
	if away {
		err = l.mayGoOn(ctx)
	}
	if err != nil {
		return nil, l.failed("claiming partitions", err)
	}
	return l.takeItself(wanted), nil
}

// mayGoOn is nil while the member may work in the cycle without the coordinator.
func (l *ledger) mayGoOn(ctx context.Context) error {
	if err := l.m.permitted(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	dropped := l.dropped
	l.mu.Unlock()
	if dropped {
		return fmt.Errorf("%w: this worker was out of the group for a while", partition.ErrFenced)
	}
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if err := l.m.timely(l.cycle); err != nil {
		return err
	}
	switch heard := l.m.clock.now(l.m.lease.sent); {
	case !l.m.free:
		return fmt.Errorf("%w: %s", partition.ErrFenced, l.m.state.Reason)
	case !heard.Before(l.cycle.Start().Add(l.cycle.Interval * stealPercent / 100)):
		return fmt.Errorf("%w: others may have stolen it before the coordinator went away", partition.ErrFenced)
	}
	return nil
}

// Check costs nothing while the lease lasts under which the claims were granted.
func (l *ledger) Check(ctx context.Context, cs ...partition.Claim) error {
	for range retries {
		if err := l.m.permitted(ctx); err != nil {
			return l.failed("checking claims", err)
		}
		renewal := l.m.renewal()
		doubtful, lost := l.doubtful(cs, renewal)
		if len(lost) > 0 {
			return l.lost("checking", len(cs), lost)
		}
		if len(doubtful) == 0 {
			return nil
		}
		var reply steps.Parts
		err := l.ask(ctx, "check", func(ctx context.Context, t steps.Turn) (status steps.Status, err error) {
			reply, err = l.m.store.Held(ctx, steps.Listed{Turn: t, Parts: doubtful})
			return reply.Status, err
		})
		switch {
		case errors.Is(err, errAway) && l.m.reachable() == nil:
			continue // it answers heartbeats, so it can be asked again
		case errors.Is(err, errAway):
			if err := l.mayGoOn(ctx); err != nil {
				return l.failed("checking claims", err)
			}
			return nil // the others do not reach it either
		case errors.Is(err, partition.ErrCycleOver):
			return l.lost("checking", len(cs), doubtful)
		case err != nil:
			return l.failed("checking claims", err)
		}
		l.forget(reply.Parts)
		l.confirm(doubtful, renewal) // and look again: the lease may be over by now
	}
	return l.failed("checking claims", fmt.Errorf("%w again and again, or the coordinator does not answer", partition.ErrFenced))
}

func (l *ledger) Done(ctx context.Context, cs ...partition.Claim) error {
	mine, foreign := l.mine(cs)
	l.finish(mine)
	lost, err := l.settle(ctx, steps.Settle{Done: mine})
	if err != nil {
		l.note()
		if !errors.Is(err, errAway) {
			return l.failed("finishing claims", err)
		}
	}
	l.forget(lost)
	return l.lost("finishing", len(cs), append(foreign, lost...))
}

func (l *ledger) Release(ctx context.Context, cs ...partition.Claim) error {
	mine, foreign := l.mine(cs)
	l.handBack(mine)
	lost, err := l.settle(ctx, steps.Settle{Release: mine})
	if err != nil {
		l.keepBack(mine)
		if !errors.Is(err, errAway) || l.m.reachable() == nil {
			return l.failed("releasing claims", err)
		}
		return l.lost("releasing", len(cs), foreign)
	}
	l.give(mine)
	return l.lost("releasing", len(cs), append(foreign, lost...))
}

// settle ends claims at the coordinator and returns those that are not this member's. A
// member that has left has none, and there are none in a cycle that is forgotten.
func (l *ledger) settle(ctx context.Context, what steps.Settle) ([]int, error) {
	parts := slices.Concat(what.Done, what.Release)
	if len(parts) == 0 {
		return nil, nil
	}
	var reply steps.Parts
	err := l.ask(ctx, "settle", func(ctx context.Context, t steps.Turn) (status steps.Status, err error) {
		what.Turn = t
		reply, err = l.m.store.Settle(ctx, what)
		return reply.Status, err
	})
	if errors.Is(err, partition.ErrLeft) || errors.Is(err, errStopped) || errors.Is(err, partition.ErrCycleOver) {
		return parts, nil
	}
	return reply.Parts, err
}

func (l *ledger) Unfinished(ctx context.Context, among ...int) ([]int, error) {
	wanted := l.untouched(among)
	if len(wanted) == 0 {
		return nil, nil
	}
	var reply steps.Parts
	err := l.m.permitted(ctx)
	if err == nil {
		err = l.ask(ctx, "unfinished", func(ctx context.Context, t steps.Turn) (status steps.Status, err error) {
			reply, err = l.m.store.Unfinished(ctx, steps.Listed{Turn: t, Parts: wanted})
			return reply.Status, err
		})
	}
	if err != nil {
		return nil, l.failed("listing what is unfinished", err)
	}
	return l.free(wanted, reply.Parts), nil
}

func (l *ledger) Coverage(ctx context.Context) (c partition.Coverage, err error) {
	err = l.m.call(ctx, "coverage", func(ctx context.Context) (err error) {
		c, err = l.m.store.Coverage(ctx, turn(l.m.identity(), l.cycle, l.Ring().View().Epoch))
		return err
	})
	if err != nil {
		return partition.Coverage{}, l.failed("counting what is done", err)
	}
	return c, nil
}

// lost is nil if nothing is.
func (l *ledger) lost(doing string, of int, parts []int) error {
	if len(parts) == 0 {
		return nil
	}
	return l.failed(fmt.Sprintf("%s %d of %d claims, the first of partition %d", doing, len(parts), of, parts[0]), partition.ErrNotHeld)
}

func (l *ledger) failed(doing string, err error) error {
	return fmt.Errorf("%s in cycle %d of source %q: %w", doing, l.cycle.Number, l.cycle.Source, err)
}
