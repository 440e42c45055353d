package file

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// store runs the steps of one group on its folder.
type store struct {
	backend *Backend
	name    string
	dir     string
}

// locked runs f while this process alone works in the folder.
func (s *store) locked(ctx context.Context, f func(f folder, now int64) error) error {
	if s.backend.closed.Load() {
		return fmt.Errorf("asking for group %q in %s: %w", s.name, s.backend, os.ErrClosed)
	}
	l, err := lock(ctx, s.dir)
	if err == nil {
		defer l.Close()
		err = f(folder(s.dir), s.backend.now().UnixMilli())
	}
	if err != nil {
		return fmt.Errorf("asking for group %q in %s: %w", s.name, s.backend, err)
	}
	return nil
}

// step runs a step that looks at no ledger.
func (s *store) step(ctx context.Context, run func(g *steps.Group, now int64)) error {
	return s.locked(ctx, func(f folder, now int64) error {
		r, err := f.load(now)
		if err != nil {
			return err
		}
		run(&r.group, now)
		return r.save()
	})
}

// ledgerStep runs a step that looks at one.
func (s *store) ledgerStep(ctx context.Context, t steps.Turn, run func(g *steps.Group, now int64)) error {
	return s.locked(ctx, func(f folder, now int64) error {
		r, err := f.load(now)
		if err != nil {
			return err
		}
		path, key := ledgerPath(t), steps.Key{Source: t.Source, Number: t.Number}
		file, err := f.read(path)
		if err != nil {
			return err
		}
		if c := decodeLedger(file); c != nil {
			r.group.Cycles = map[steps.Key]*steps.Cycle{key: c}
		}
		run(&r.group, now)
		if err := r.save(); err != nil {
			return err
		}
		c := r.group.Cycles[key]
		if file.data == nil && c != nil { // a cycle begins, and others may be over
			if err := f.forget("cycles", now); err != nil {
				return err
			}
		}
		return f.write(path, file, encodeLedger(c))
	})
}

func (s *store) Beat(ctx context.Context, b steps.Beat) (reply steps.Beaten, err error) {
	err = s.step(ctx, func(g *steps.Group, now int64) { reply = g.Beat(now, b) })
	return reply, err
}

func (s *store) Restore(ctx context.Context, r steps.Restore) error {
	return s.step(ctx, func(g *steps.Group, now int64) { g.Restore(now, r) })
}

func (s *store) Leave(ctx context.Context, c steps.Caller) error {
	return s.step(ctx, func(g *steps.Group, now int64) { g.Leave(now, c) })
}

func (s *store) Look(ctx context.Context) (reply steps.Picture, err error) {
	err = s.step(ctx, func(g *steps.Group, now int64) { reply = g.Look(now) })
	return reply, err
}

func (s *store) Begin(ctx context.Context, b steps.Begin) (reply steps.Begun, err error) {
	err = s.ledgerStep(ctx, b.Turn, func(g *steps.Group, now int64) { reply = g.Begin(now, b) })
	return reply, err
}

func (s *store) Claim(ctx context.Context, r steps.Claim) (reply steps.Parts, err error) {
	err = s.ledgerStep(ctx, r.Turn, func(g *steps.Group, now int64) { reply = g.Claim(now, r) })
	return reply, err
}

func (s *store) Settle(ctx context.Context, r steps.Settle) (reply steps.Parts, err error) {
	err = s.ledgerStep(ctx, r.Turn, func(g *steps.Group, now int64) { reply = g.Settle(now, r) })
	return reply, err
}

func (s *store) Held(ctx context.Context, r steps.Listed) (reply steps.Parts, err error) {
	err = s.ledgerStep(ctx, r.Turn, func(g *steps.Group, now int64) { reply = g.Held(now, r) })
	return reply, err
}

func (s *store) Backfill(ctx context.Context, r steps.Backfill) (reply steps.Status, err error) {
	err = s.ledgerStep(ctx, r.Turn, func(g *steps.Group, now int64) { reply = g.Backfill(now, r) })
	return reply, err
}

func (s *store) Unfinished(ctx context.Context, r steps.Listed) (reply steps.Parts, err error) {
	err = s.ledgerStep(ctx, r.Turn, func(g *steps.Group, now int64) { reply = g.Unfinished(now, r) })
	return reply, err
}

func (s *store) Coverage(ctx context.Context, t steps.Turn) (reply partition.Coverage, err error) {
	err = s.ledgerStep(ctx, t, func(g *steps.Group, now int64) { reply = g.Coverage(now, t) })
	return reply, err
}

func (s *store) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	return s.locked(ctx, func(f folder, now int64) error {
		if err := f.forget("posts", now); err != nil {
			return err
		}
		file, err := f.read(postPath(key))
		if err != nil {
			return err
		}
		g := steps.Group{Posts: map[string]steps.Posted{}}
		if old, ok := decodePost(file); ok {
			g.Posts[key] = old
		}
		g.Post(now, key, p, keep.Milliseconds())
		return f.write(postPath(key), file, encodePost(g.Posts[key]))
	})
}

func (s *store) Read(ctx context.Context, key string) (found partition.Post, err error) {
	err = s.locked(ctx, func(f folder, now int64) error {
		file, err := f.read(postPath(key))
		if err != nil {
			return err
		}
		g := steps.Group{Posts: map[string]steps.Posted{}}
		if p, ok := decodePost(file); ok {
			g.Posts[key] = p
		}
		p, ok := g.Read(now, key)
		if !ok {
			return fmt.Errorf("reading %q: %w", key, partition.ErrNoPost)
		}
		found = p
		return nil
	})
	return found, err
}
