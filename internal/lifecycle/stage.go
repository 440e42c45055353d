// Package lifecycle starts and stops the parts of a daemon in order.
//
// Parts are given sink first: what takes data away runs before what produces it. They
// are stopped the other way round, one after the other, so that everything a part still
// hands over while it finishes finds its taker running. It promises nothing about
// readiness: a stage that must not be handed anything before it is ready says so itself.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Stage is one long-lived part of a daemon.
type Stage struct {
	Name string
	// Run works until ctx ends, then finishes what it has taken on and returns. The end of
	// ctx itself is no failure. A stage that returns nil earlier is done; the others go on.
	Run func(ctx context.Context) error
}

// Run runs the stages until ctx ends, one of them fails, or all are done. Then it stops
// those that still run in reverse order: each has its own context, which is cancelled
// only after the stage before has returned or has used up its drain time. The error
// names the stage that failed first, then every other that failed or did not stop.
func Run(ctx context.Context, drain time.Duration, stages ...Stage) error {
	g := group{ended: make(chan *running, len(stages))}
	for _, s := range stages {
		if ctx.Err() != nil {
			break
		}
		g.start(ctx, s)
	}
	for alive := len(g.stages); alive > 0 && g.errs == nil; {
		select {
		case <-ctx.Done():
			alive = 0
		case r := <-g.ended:
			alive--
			g.collect(r)
		}
	}
	for _, r := range slices.Backward(g.stages) {
		g.stop(r, drain)
	}
	return errors.Join(g.errs...)
}

// group is what one call of Run keeps; only that call's goroutine touches it.
type group struct {
	stages []*running
	ended  chan *running // one place for every stage, so that none waits to be heard
	errs   []error       // of the stages, in the order of their failing
}

type running struct {
	name      string
	cancel    context.CancelFunc
	err       error // written before ended
	collected bool
}

func (g *group) start(ctx context.Context, s Stage) {
	// The stage keeps the values of ctx, but its end is not the end of all stages at once.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{name: s.Name, cancel: cancel}
	g.stages = append(g.stages, r)
	go func() {
		err := s.Run(own)
		if own.Err() == nil || !errors.Is(err, context.Canceled) {
			r.err = err
		}
		g.ended <- r
	}()
}

// collect takes note that r has returned.
func (g *group) collect(r *running) {
	r.collected = true
	r.cancel()
	if r.err != nil {
		g.errs = append(g.errs, fmt.Errorf("running %s: %w", r.name, r.err))
	}
}

// stop cancels r and waits for it; others that return meanwhile are collected too.
func (g *group) stop(r *running, drain time.Duration) {
	r.cancel()
	late := time.NewTimer(drain)
	defer late.Stop()
	for !r.collected {
		select {
		case other := <-g.ended:
			g.collect(other)
		case <-late.C:
			g.errs = append(g.errs, fmt.Errorf("stopping %s: still running after %s", r.name, drain))
			return
		}
	}
}
