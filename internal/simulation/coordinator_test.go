package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// coordinator is what all workers of a run meet at. It can forget, and its clock differs
// from that of the workers.
type coordinator struct {
	mu     sync.Mutex
	groups map[string]*steps.Group
	ahead  time.Duration // its clock, of the workers'
	pins   map[string]uint64
	broken []string // rules, as seen at the coordinator
	unread []func() // requests that reached it while it was frozen
}

func newCoordinator(ahead time.Duration) *coordinator {
	return &coordinator{groups: map[string]*steps.Group{}, ahead: ahead, pins: map[string]uint64{}}
}

func (c *coordinator) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// forget is what FLUSHALL does.
func (c *coordinator) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.groups)
}

// thaw lets it find the requests that nobody waits for any more.
func (c *coordinator) thaw() {
	c.mu.Lock()
	unread := c.unread
	c.unread = nil
	c.mu.Unlock()
	for _, request := range unread {
		request()
	}
}

// turn moves its clock, as another computer does that takes over.
func (c *coordinator) turn(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += by
}

// step runs one step of a group.
func step[R any](c *coordinator, group string, do func(g *steps.Group, now int64) R) R {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[group]
	if g == nil {
		g = &steps.Group{}
		c.groups[group] = g
	}
	return do(g, time.Now().Add(c.ahead).UnixMilli())
}

// pinned notes the view of a cycle; all members must be given the same.
func (c *coordinator) pinned(group string, era int64, b steps.Begin, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := fmt.Sprintf("%s/%d/%s/%d", group, era, b.Source, b.Number)
	if before, ok := c.pins[key]; ok && before != epoch {
		c.broken = append(c.broken, fmt.Sprintf("cycle %s is pinned to epochs %d and %d", key, before, epoch))
	}
	c.pins[key] = epoch
}

var errLink = errors.New("connection refused")

// cut is how a request does not reach the coordinator.
type cut int

const (
	open    cut = iota
	refused     // at once
	silent      // nothing comes back
	frozen      // it is there, and answers when nobody waits any more
	numCuts = iota
)

// link is how one worker process reaches the coordinator: slowly, or not at all.
type link struct {
	coordinator *coordinator
	gate        *gate
	rand        *rand.Rand // guarded by mu
	mu          sync.Mutex
	how         cut
	slow        time.Duration
	lossy       float64 // share of the answers that get lost
}

var _ worker.Backend = (*link)(nil)

func (l *link) Group(name string) steps.Store { return &linked{l, name} }
func (l *link) TTL() time.Duration            { return 0 }
func (l *link) String() string                { return "simulated" }
func (l *link) Close() error                  { return nil }

// change sets what the link is like.
func (l *link) change(f func(*link)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// pass takes a request over the link. The error says that it did not arrive; lost that the
// answer will not.
func (l *link) pass(ctx context.Context, request func()) (lost bool, err error) {
	l.mu.Lock()
	how := l.how
	took := time.Duration(l.rand.Int64N(int64(4*time.Millisecond))) + l.slow
	lost = l.rand.Float64() < l.lossy
	l.mu.Unlock()
	if err := l.gate.pass(ctx); err != nil {
		return false, err
	}
	switch how {
	case frozen:
		l.coordinator.mu.Lock()
		l.coordinator.unread = append(l.coordinator.unread, request)
		l.coordinator.mu.Unlock()
		<-ctx.Done()
		return false, ctx.Err()
	case silent:
		<-ctx.Done()
		return false, ctx.Err()
	case refused:
		return false, errLink
	case open:
	}
	if err := wait(ctx, took); err != nil {
		return false, err
	}
	return lost, l.gate.pass(ctx)
}

// linked is one group over a link.
type linked struct {
	*link
	group string
}

// over runs a step at the other end of a link.
func over[R any](ctx context.Context, l *linked, do func(g *steps.Group, now int64) R) (reply R, err error) {
	lost, err := l.pass(ctx, func() { step(l.coordinator, l.group, do) })
	if err != nil {
		return reply, err
	}
	reply = step(l.coordinator, l.group, do)
	if err := l.gate.pass(ctx); err != nil {
		return reply, err
	}
	if lost {
		return reply, errors.New("the answer got lost")
	}
	return reply, nil
}

func (l *linked) Beat(ctx context.Context, b steps.Beat) (steps.Beaten, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Beaten { return g.Beat(now, b) })
}

func (l *linked) Restore(ctx context.Context, r steps.Restore) error {
	_, err := over(ctx, l, func(g *steps.Group, now int64) int { g.Restore(now, r); return 0 })
	return err
}

func (l *linked) Leave(ctx context.Context, c steps.Caller) error {
	_, err := over(ctx, l, func(g *steps.Group, now int64) int { g.Leave(now, c); return 0 })
	return err
}

func (l *linked) Begin(ctx context.Context, b steps.Begin) (steps.Begun, error) {
	era := int64(0)
	reply, err := over(ctx, l, func(g *steps.Group, now int64) steps.Begun { era = g.Era; return g.Begin(now, b) })
	if err == nil && reply.Status == steps.OK {
		l.coordinator.pinned(l.group, era, b, reply.View.Epoch)
	}
	return reply, err
}

func (l *linked) Claim(ctx context.Context, c steps.Claim) (steps.Parts, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Parts { return g.Claim(now, c) })
}

func (l *linked) Settle(ctx context.Context, s steps.Settle) (steps.Parts, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Parts { return g.Settle(now, s) })
}

func (l *linked) Held(ctx context.Context, q steps.Listed) (steps.Parts, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Parts { return g.Held(now, q) })
}

func (l *linked) Backfill(ctx context.Context, b steps.Backfill) (steps.Status, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Status { return g.Backfill(now, b) })
}

func (l *linked) Unfinished(ctx context.Context, q steps.Listed) (steps.Parts, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Parts { return g.Unfinished(now, q) })
}

func (l *linked) Coverage(ctx context.Context, t steps.Turn) (partition.Coverage, error) {
	return over(ctx, l, func(g *steps.Group, now int64) partition.Coverage { return g.Coverage(now, t) })
}

func (l *linked) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	_, err := over(ctx, l, func(g *steps.Group, now int64) int { g.Post(now, key, p, keep.Milliseconds()); return 0 })
	return err
}

func (l *linked) Read(ctx context.Context, key string) (p partition.Post, err error) {
	found, err := over(ctx, l, func(g *steps.Group, now int64) (ok bool) { p, ok = g.Read(now, key); return ok })
	if err == nil && !found {
		err = partition.ErrNoPost
	}
	return p, err
}

func (l *linked) Look(ctx context.Context) (steps.Picture, error) {
	return over(ctx, l, func(g *steps.Group, now int64) steps.Picture { return g.Look(now) })
}
