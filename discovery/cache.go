package discovery

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Observe is told of each listing once it is over: how long it took and how it ended.
type Observe func(ref Ref, took time.Duration, err error)

// Cache lists each reference at most once. It is made for one cycle and then dropped.
// It is safe for concurrent use.
type Cache struct {
	catalog *Catalog
	observe Observe

	mu    sync.Mutex
	lists map[Ref]*listing
}

type listing struct {
	done      chan struct{} // closed when the rest is set
	resources []Resource
	err       error
}

// Cycle makes an empty cache. observe may be nil.
func (c *Catalog) Cycle(observe Observe) *Cache {
	if observe == nil {
		observe = func(Ref, time.Duration, error) {}
	}
	return &Cache{catalog: c, observe: observe, lists: map[Ref]*listing{}}
}

// List is the list of ref, made now or earlier in this cycle, or why there is none. The
// context of the first to ask bounds the listing for all: give the cycle's. The slice is
// shared and must not be changed.
func (c *Cache) List(ctx context.Context, ref Ref) ([]Resource, error) {
	c.mu.Lock()
	l, listed := c.lists[ref]
	if !listed {
		l = &listing{done: make(chan struct{})}
		c.lists[ref] = l
	}
	c.mu.Unlock()
	if !listed {
		start := time.Now()
		l.resources, l.err = c.catalog.list(ctx, ref)
		c.observe(ref, time.Since(start), l.err)
		close(l.done)
	}
	select {
	case <-l.done:
		return l.resources, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for discovery %q: %w", ref, context.Cause(ctx))
	}
}

// list runs the discoverer on a goroutine that ends when it returns, and waits for it no
// longer than ctx.
func (c *Catalog) list(ctx context.Context, ref Ref) ([]Resource, error) {
	e, known := c.entries[ref.Name]
	switch {
	case !known:
		return nil, fmt.Errorf("listing discovery %q: %w", ref, ErrUnknown)
	case e.err != nil:
		return nil, e.err
	case c.isHanging(ref):
		return nil, fmt.Errorf("listing discovery %q: %w", ref, ErrHanging)
	}
	var l listing
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.discover(ctx, e.made, ref)
	}()
	select {
	case <-done:
		return l.resources, l.err
	case <-ctx.Done():
	}
	c.countHanging(ref, +1)
	go func() {
		<-done
		c.countHanging(ref, -1)
	}()
	return nil, fmt.Errorf("listing discovery %q: %w", ref, context.Cause(ctx))
}

func (l *listing) discover(ctx context.Context, d Discoverer, ref Ref) {
	l.err = fmt.Errorf("listing discovery %q: the discoverer ended its goroutine", ref)
	defer func() {
		if r := recover(); r != nil {
			l.err = fmt.Errorf("listing discovery %q: panic: %v\n%s", ref, r, debug.Stack())
		}
	}()
	resources, err := d.Discover(ctx, ref.Param)
	if err != nil {
		l.err = fmt.Errorf("listing discovery %q: %w", ref, err)
		return
	}
	l.resources, l.err = resources, nil
}
