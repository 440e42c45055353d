package worker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// server is a coordinator with one group. Tests change it in ways in which real ones fail.
type server struct {
	mu     sync.Mutex
	group  steps.Group
	offset time.Duration // of its clock
	calls  []call        // that were run
}

// call is a step that was run.
type call struct {
	at    time.Time
	who   string
	name  string
	parts []int // of the request
}

// run makes one step and notes it.
func run[R any](s *server, who, name string, parts []int, step func(now int64, g *steps.Group) R) R {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call{time.Now(), who, name, parts})
	return step(time.Now().Add(s.offset).UnixMilli(), &s.group)
}

// change changes the group behind everybody's back.
func (s *server) change(how func(g *steps.Group)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	how(&s.group)
}

// forget loses everything.
func (s *server) forget() { s.change(func(g *steps.Group) { *g = steps.Group{} }) }

// loseLedgers loses all ledgers and nothing else.
func (s *server) loseLedgers() { s.change(func(g *steps.Group) { g.Cycles = nil }) }

func (s *server) look() steps.Picture {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.group.Look(time.Now().Add(s.offset).UnixMilli())
}

// since are the calls of a member from a moment on; of all members if who is "".
func (s *server) since(from time.Time, who string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c call) bool {
		return c.at.Before(from) || who != "" && c.who != who
	})
}

// fault is what is wrong with the calls of a member.
type fault struct {
	refuse bool                   // they fail at once
	hang   bool                   // they fail at their deadline
	delay  time.Duration          // before they are run
	lose   func(name string) bool // they are run, and the answer is lost
	freeze chan struct{}          // they wait until it is closed, whatever their deadline
	// They are run at once, and the answer waits until the channel is closed.
	stall   func(name string) bool
	answers chan struct{}
}

var errRefused = errors.New("connection refused")

// link is the way of one member to the server. It is the Backend of that member.
type link struct {
	server *server
	who    string

	mu    sync.Mutex
	fault fault
}

func (l *link) set(f fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fault.freeze != nil && f.freeze == nil {
		close(l.fault.freeze)
	}
	if l.fault.answers != nil && f.answers == nil {
		close(l.fault.answers)
	}
	l.fault = f
}

func (l *link) now() fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fault
}

func (l *link) frozen() bool { return l.now().freeze != nil }

// perform makes a step with what is wrong at the moment.
func perform[R any](ctx context.Context, l *link, name string, parts []int, step func(now int64, g *steps.Group) R) (reply R, err error) {
	var none R
	f := l.now()
	stalls := f.stall != nil && f.stall(name)
	if f.freeze != nil && !stalls {
		<-f.freeze
	}
	if f.hang {
		<-ctx.Done()
	}
	if f.delay > 0 {
		select {
		case <-time.After(f.delay):
		case <-ctx.Done():
		}
	}
	switch {
	case ctx.Err() != nil:
		return none, ctx.Err()
	case f.refuse:
		return none, errRefused
	}
	reply = run(l.server, l.who, name, parts, step)
	if stalls {
		<-f.answers
	}
	if f.lose != nil && f.lose(name) {
		return none, errRefused
	}
	return reply, nil
}

func (l *link) Group(string) steps.Store { return l }
func (l *link) TTL() time.Duration       { return 0 }
func (l *link) String() string           { return "test" }
func (l *link) Close() error             { return nil }

func (l *link) Beat(ctx context.Context, b steps.Beat) (steps.Beaten, error) {
	return perform(ctx, l, "beat", nil, func(now int64, g *steps.Group) steps.Beaten { return g.Beat(now, b) })
}

func (l *link) Restore(ctx context.Context, r steps.Restore) error {
	_, err := perform(ctx, l, "restore", nil, func(now int64, g *steps.Group) any { g.Restore(now, r); return nil })
	return err
}

func (l *link) Leave(ctx context.Context, c steps.Caller) error {
	_, err := perform(ctx, l, "leave", nil, func(now int64, g *steps.Group) any { g.Leave(now, c); return nil })
	return err
}

func (l *link) Begin(ctx context.Context, b steps.Begin) (steps.Begun, error) {
	return perform(ctx, l, "begin", nil, func(now int64, g *steps.Group) steps.Begun { return g.Begin(now, b) })
}

func (l *link) Claim(ctx context.Context, c steps.Claim) (steps.Parts, error) {
	name := [...]string{partition.Own: "claim", partition.Rescue: "rescue", partition.Steal: "steal"}[c.Reason]
	return perform(ctx, l, name, c.Parts, func(now int64, g *steps.Group) steps.Parts { return g.Claim(now, c) })
}

func (l *link) Settle(ctx context.Context, r steps.Settle) (steps.Parts, error) {
	parts := slices.Concat(r.Done, r.Release)
	return perform(ctx, l, "settle", parts, func(now int64, g *steps.Group) steps.Parts { return g.Settle(now, r) })
}

func (l *link) Held(ctx context.Context, h steps.Listed) (steps.Parts, error) {
	return perform(ctx, l, "check", h.Parts, func(now int64, g *steps.Group) steps.Parts { return g.Held(now, h) })
}

func (l *link) Backfill(ctx context.Context, b steps.Backfill) (steps.Status, error) {
	parts := slices.Concat(b.Done, b.Held)
	return perform(ctx, l, "backfill", parts, func(now int64, g *steps.Group) steps.Status { return g.Backfill(now, b) })
}

func (l *link) Unfinished(ctx context.Context, u steps.Listed) (steps.Parts, error) {
	return perform(ctx, l, "unfinished", u.Parts, func(now int64, g *steps.Group) steps.Parts { return g.Unfinished(now, u) })
}

func (l *link) Coverage(ctx context.Context, t steps.Turn) (partition.Coverage, error) {
	return perform(ctx, l, "coverage", nil, func(now int64, g *steps.Group) partition.Coverage { return g.Coverage(now, t) })
}

func (l *link) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	_, err := perform(ctx, l, "post", nil, func(now int64, g *steps.Group) any { g.Post(now, key, p, keep.Milliseconds()); return nil })
	return err
}

func (l *link) Read(ctx context.Context, key string) (partition.Post, error) {
	p, err := perform(ctx, l, "read", nil, func(now int64, g *steps.Group) *partition.Post {
		if p, ok := g.Read(now, key); ok {
			return &p
		}
		return nil
	})
	switch {
	case err != nil:
		return partition.Post{}, err
	case p == nil:
		return partition.Post{}, partition.ErrNoPost
	}
	return *p, nil
}

func (l *link) Look(ctx context.Context) (steps.Picture, error) {
	return perform(ctx, l, "look", nil, func(now int64, g *steps.Group) steps.Picture { return g.Look(now) })
}
