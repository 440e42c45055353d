package redis

import (
	"context"
	"strconv"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// turn runs a step on a cycle: rest are its arguments after those that all have.
func (s *store) turn(ctx context.Context, step string, t steps.Turn, rest ...any) (*reply, error) {
	item := "c:" + t.Source + ":" + strconv.FormatInt(t.Number, 10)
	args := append(make([]any, 0, 7+len(rest)), t.ID, t.Incarnation, t.Era, t.Source, t.Number, t.Interval, t.Epoch)
	return s.run(ctx, s.backend.others, step, item, t.Until, append(args, rest...)...)
}

// listing makes arguments of partitions, after those before.
func listing(before []any, lists ...[]int) []any {
	for _, parts := range lists {
		for _, p := range parts {
			before = append(before, p)
		}
	}
	return before
}

// parts runs a step that answers with partitions.
func (s *store) parts(ctx context.Context, step string, t steps.Turn, rest []any) (steps.Parts, error) {
	r, err := s.turn(ctx, step, t, rest...)
	if err != nil {
		return steps.Parts{}, err
	}
	return done(step, r, r.parts())
}

func (s *store) Begin(ctx context.Context, b steps.Begin) (steps.Begun, error) {
	rest := []any{b.Expected}
	if b.Known != nil {
		view, err := encodeView(*b.Known)
		if err != nil {
			return steps.Begun{}, err
		}
		rest = append(rest, b.Known.Epoch, view)
	}
	r, err := s.turn(ctx, "begin", b.Turn, rest...)
	if err != nil {
		return steps.Begun{}, err
	}
	begun := steps.Begun{Status: r.status()}
	if begun.Status == steps.OK {
		begun.View = r.view(uint64(r.num(1)), 2)
	}
	return done("begin", r, begun)
}

func (s *store) Claim(ctx context.Context, c steps.Claim) (steps.Parts, error) {
	return s.parts(ctx, "claim", c.Turn, listing([]any{int(c.Reason)}, c.Parts))
}

func (s *store) Settle(ctx context.Context, t steps.Settle) (steps.Parts, error) {
	return s.parts(ctx, "settle", t.Turn, listing([]any{len(t.Done)}, t.Done, t.Release))
}

func (s *store) Held(ctx context.Context, l steps.Listed) (steps.Parts, error) {
	return s.parts(ctx, "held", l.Turn, listing(nil, l.Parts))
}

func (s *store) Unfinished(ctx context.Context, l steps.Listed) (steps.Parts, error) {
	return s.parts(ctx, "unfinished", l.Turn, listing(nil, l.Parts))
}

func (s *store) Backfill(ctx context.Context, b steps.Backfill) (steps.Status, error) {
	view, err := encodeView(b.View)
	if err != nil {
		return 0, err
	}
	r, err := s.turn(ctx, "backfill", b.Turn, listing([]any{b.View.Epoch, view, len(b.Done)}, b.Done, b.Held)...)
	if err != nil {
		return 0, err
	}
	return done("backfill", r, r.status())
}

func (s *store) Coverage(ctx context.Context, t steps.Turn) (partition.Coverage, error) {
	r, err := s.turn(ctx, "coverage", t)
	if err != nil {
		return partition.Coverage{}, err
	}
	return done("coverage", r, partition.Coverage{
		Expected: int(r.num(0)), Claimed: int(r.num(1)), Open: int(r.num(2)), Done: int(r.num(3)),
		Rescued: int(r.num(4)), Stolen: int(r.num(5)), Late: int(r.num(6)),
	})
}
