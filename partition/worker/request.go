package worker

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// retries bound how often a request is repeated after what it lacked has been seen to.
const retries = 4

// ask makes a request and sees to what it lacks: a lease, or the era. A request that is not
// answered is made once more if a heartbeat is, for it may be that one answer was lost. The
// error is errAway if there is none.
func (m *membership) ask(ctx context.Context, name string, request func(context.Context, steps.Caller) (steps.Status, error)) error {
	var status steps.Status
	repeated := false
	for range retries {
		if err := m.reachable(); err != nil {
			return err
		}
		err := m.call(ctx, name, func(ctx context.Context) (err error) {
			status, err = request(ctx, m.identity())
			return err
		})
		if err != nil {
			if repeated || ctx.Err() != nil || m.heart.beatNow(ctx) != nil {
				return err
			}
			repeated = true
			continue
		}
		switch status {
		case steps.OK:
			return nil
		case steps.TooEarly:
			return partition.ErrClock
		case steps.Over:
			return partition.ErrCycleOver
		case steps.WrongEra, steps.NoLease, steps.Late:
			if status == steps.NoLease {
				m.lapse()
			}
			if err := m.heart.beatNow(ctx); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				m.mu.Lock()
				ended := m.ended()
				m.mu.Unlock()
				if ended != nil {
					return ended
				}
				return fmt.Errorf("%w: %w", errAway, err)
			}
		default:
			return errors.New("the coordinator answers: " + status.String())
		}
	}
	return errors.New("the coordinator answers again and again: " + status.String())
}

// ask is that of the membership, for a ledger that the coordinator knows or is told of.
func (l *ledger) ask(ctx context.Context, name string, request func(context.Context, steps.Turn) (steps.Status, error)) error {
	for range retries {
		if err := l.tellUnheard(ctx); err != nil {
			return err
		}
		var lacks steps.Status
		err := l.m.ask(ctx, name, func(ctx context.Context, by steps.Caller) (steps.Status, error) {
			status, err := request(ctx, turn(by, l.cycle, l.Ring().View().Epoch))
			lacks = steps.OK
			if status == steps.NoLedger || status == steps.WrongView {
				lacks, status = status, steps.OK
			}
			return status, err
		})
		switch {
		case err != nil:
			return err
		case lacks == steps.NoLedger:
			err = l.tell(ctx)
		case lacks == steps.WrongView:
			err = l.repin(ctx)
		default:
			return nil
		}
		if err != nil {
			return err
		}
	}
	return errors.New("the coordinator forgets the cycle again and again")
}

func turn(by steps.Caller, c partition.Cycle, epoch uint64) steps.Turn {
	return steps.Turn{Caller: by, Source: c.Source, Number: c.Number, Interval: c.Interval.Milliseconds(), Epoch: epoch}
}
