package pollster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	longestJoinPause = 30 * time.Second
	mismatchPause    = 30 * time.Second // settings do not change by themselves
)

// keep joins a group and watches over the membership until ctx ends. The error is
// partition.ErrReplaced with what to do about it.
func (gs *Groups) keep(ctx context.Context, name string) error {
	err := gs.keepJoining(ctx, name)
	if err == nil {
		err = gs.watch(ctx, name)
	}
	if err != nil {
		return fmt.Errorf("working in group %q as %q: %w; give each worker its own [ringmeter] member_id",
			name, gs.config.Member.ID, err)
	}
	return nil
}

// keepJoining joins until it succeeds or ctx ends.
func (gs *Groups) keepJoining(ctx context.Context, name string) error {
	log := gs.config.Logger.With("group", name, "member", gs.config.Member.ID)
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = longestJoinPause
	for {
		err := gs.join(ctx, name)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was cut short
		case errors.Is(err, partition.ErrReplaced):
			return err
		}
		known := gs.look(name).problem
		gs.change(name, func(g *group) { g.problem = err.Error() })
		wait := pause.NextBackOff()
		if _, differs := errors.AsType[*partition.MismatchError](err); differs {
			wait = mismatchPause
			if known != err.Error() {
				log.Error("group works with other settings; what is divided is not polled", "err", err)
			}
		} else {
			if known == "" {
				log.Warn("group cannot be joined; what is divided waits until the coordinator answers", "err", err)
			}
			gs.workAlone(ctx, name, err)
		}
		if !sleep(ctx, wait) {
			return nil
		}
	}
}

// watch tells of the changes of a membership until ctx ends or its ID was taken.
func (gs *Groups) watch(ctx context.Context, name string) error {
	m := gs.look(name).membership
	for m != nil { // nil when ctx has ended before
		changed := m.Changed()
		before := gs.look(name)
		state := m.State()
		switch state.Mode {
		case partition.Replaced:
			return partition.ErrReplaced
		case partition.Away:
			if !before.linked {
				before.problem = state.Reason
				gs.workAlone(ctx, name, errors.New(state.Reason))
			}
		default:
		}
		linked := before.linked || state.Mode == partition.Linked
		if linked && before.problem != "" {
			gs.config.Logger.Info("group joined", "group", name, "member", gs.config.Member.ID)
		}
		gs.change(name, func(g *group) {
			if g.linked, g.problem = linked, before.problem; linked {
				g.problem = ""
			}
		})
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// meet waits until each group is joined, or known not to be for now, but no longer than
// patience.
func (gs *Groups) meet(ctx context.Context, names []string, patience time.Duration) {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for _, name := range names {
		for {
			changes := gs.changes()
			if gs.met(name) {
				break
			}
			select {
			case <-changes:
			case <-timer.C:
				return
			case <-ctx.Done():
				return
			}
		}
	}
}

func (gs *Groups) met(name string) bool {
	g := gs.look(name)
	return g.membership != nil || g.standIn != nil || g.problem != ""
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
