package simulation

import (
	"context"
	"errors"
	"sync"
	"time"
)

var errDead = errors.New("the process is dead")

// gate is what a process passes before anything that is seen from outside. A frozen one
// waits at it, as after SIGSTOP; a dead one never passes.
type gate struct {
	mu   sync.Mutex
	thaw chan struct{} // not nil while frozen
	dead chan struct{} // closed at the death
}

func newGate() *gate { return &gate{dead: make(chan struct{})} }

func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	thaw := g.thaw
	g.mu.Unlock()
	if thaw != nil {
		select {
		case <-thaw:
		case <-g.dead:
		}
	}
	select {
	case <-g.dead:
		return errDead
	default:
		return ctx.Err()
	}
}

func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thaw == nil {
		g.thaw = make(chan struct{})
	}
}

func (g *gate) unfreeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thaw != nil {
		close(g.thaw)
		g.thaw = nil
	}
}

func (g *gate) frozen() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.thaw != nil
}

// kill is kill -9: what was on its way out is gone.
func (g *gate) kill() { close(g.dead) }

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
