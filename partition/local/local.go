// Package local coordinates the workers of one process, without any service outside it.
//
// It is what a single worker uses: the group is in memory, joins do not wait for others,
// and nothing survives the process. Several members of one process may join as well.
package local

import (
	"context"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// New makes a coordinator without groups, with the default settings.
func New() *worker.Coordinator {
	c, err := worker.New(NewBackend(), worker.Config{Settings: partition.DefaultSettings(), Settle: -1})
	if err != nil {
		panic(err) // the default settings are valid
	}
	return c
}

// Backend keeps groups in memory.
type Backend struct {
	mu     sync.Mutex
	groups map[string]*store // kept when empty: epochs never go back
}

var _ worker.Backend = (*Backend)(nil)

// NewBackend makes a backend without groups.
func NewBackend() *Backend { return &Backend{groups: map[string]*store{}} }

// Group is the group of that name.
func (b *Backend) Group(name string) steps.Store {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.groups[name]
	if s == nil {
		s = &store{}
		b.groups[name] = s
	}
	return s
}

// TTL is left to the worker.
func (b *Backend) TTL() time.Duration { return 0 }

// String says where it is.
func (b *Backend) String() string { return "within this process" }

// Close does nothing.
func (b *Backend) Close() error { return nil }

// store runs the steps of one group under a mutex.
type store struct {
	mu    sync.Mutex
	group steps.Group
}

// run makes a step now, unless the caller has given up already.
func run[R any](ctx context.Context, s *store, step func(now int64) R) (reply R, err error) {
	if err := ctx.Err(); err != nil {
		return reply, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return step(time.Now().UnixMilli()), nil
}

func (s *store) Beat(ctx context.Context, b steps.Beat) (steps.Beaten, error) {
	return run(ctx, s, func(now int64) steps.Beaten { return s.group.Beat(now, b) })
}

func (s *store) Restore(ctx context.Context, r steps.Restore) error {
	_, err := run(ctx, s, func(now int64) struct{} { s.group.Restore(now, r); return struct{}{} })
	return err
}

func (s *store) Leave(ctx context.Context, c steps.Caller) error {
	_, err := run(ctx, s, func(now int64) struct{} { s.group.Leave(now, c); return struct{}{} })
	return err
}

func (s *store) Begin(ctx context.Context, b steps.Begin) (steps.Begun, error) {
	return run(ctx, s, func(now int64) steps.Begun { return s.group.Begin(now, b) })
}

func (s *store) Claim(ctx context.Context, c steps.Claim) (steps.Parts, error) {
	return run(ctx, s, func(now int64) steps.Parts { return s.group.Claim(now, c) })
}

func (s *store) Settle(ctx context.Context, r steps.Settle) (steps.Parts, error) {
	return run(ctx, s, func(now int64) steps.Parts { return s.group.Settle(now, r) })
}

func (s *store) Held(ctx context.Context, l steps.Listed) (steps.Parts, error) {
	return run(ctx, s, func(now int64) steps.Parts { return s.group.Held(now, l) })
}

func (s *store) Backfill(ctx context.Context, b steps.Backfill) (steps.Status, error) {
	return run(ctx, s, func(now int64) steps.Status { return s.group.Backfill(now, b) })
}

func (s *store) Unfinished(ctx context.Context, l steps.Listed) (steps.Parts, error) {
	return run(ctx, s, func(now int64) steps.Parts { return s.group.Unfinished(now, l) })
}

func (s *store) Coverage(ctx context.Context, t steps.Turn) (partition.Coverage, error) {
	return run(ctx, s, func(now int64) partition.Coverage { return s.group.Coverage(now, t) })
}

func (s *store) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	_, err := run(ctx, s, func(now int64) struct{} {
		s.group.Post(now, key, p, keep.Milliseconds())
		return struct{}{}
	})
	return err
}

func (s *store) Read(ctx context.Context, key string) (partition.Post, error) {
	type found struct {
		post partition.Post
		ok   bool
	}
	f, err := run(ctx, s, func(now int64) found {
		p, ok := s.group.Read(now, key)
		return found{p, ok}
	})
	if err == nil && !f.ok {
		err = partition.ErrNoPost
	}
	return f.post, err
}

func (s *store) Look(ctx context.Context) (steps.Picture, error) {
	return run(ctx, s, func(now int64) steps.Picture { return s.group.Look(now) })
}
