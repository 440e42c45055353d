package discovery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Origin says how a list came about.
type Origin uint8

const (
	// Listed lists were made by this worker, for all or where nothing is shared.
	Listed Origin = iota
	// Read lists are those of the worker that lists for all.
	Read
	// Fallback lists were made by this worker as another's could not be had.
	Fallback
)

// String is the word for the origin in metrics and texts.
func (o Origin) String() string {
	switch o {
	case Listed:
		return "listed"
	case Read:
		return "read"
	case Fallback:
		return "fallback"
	}
	return fmt.Sprintf("origin %d", uint8(o))
}

// Listing is how one list came about.
type Listing struct {
	Ref    Ref
	Took   time.Duration // until it was there, the wait for another worker included
	Err    error         // why there is no list; nil when there is
	Origin Origin
	Reason error // of a Fallback: why another's list could not be had; nil otherwise
}

// Observe is told of each listing once it is over.
type Observe func(Listing)

// Cache finds out each reference at most once. It is made for one cycle and then dropped.
// It is safe for concurrent use.
type Cache struct {
	catalog *Catalog
	observe Observe
	sharing Sharing

	mu    sync.Mutex
	lists map[Ref]*listing
}

type listing struct {
	done      chan struct{} // closed when the rest is set
	resources []Resource
	err       error
}

// discoverError is an error of a discoverer, which another worker's would meet as well.
type discoverError struct {
	ref Ref
	err error
}

func (e *discoverError) Error() string { return fmt.Sprintf("listing discovery %q: %v", e.ref, e.err) }
func (e *discoverError) Unwrap() error { return e.err }

// Cycle makes an empty cache. observe may be nil.
func (c *Catalog) Cycle(observe Observe, s Sharing) *Cache {
	if observe == nil {
		observe = func(Listing) {}
	}
	return &Cache{catalog: c, observe: observe, sharing: s, lists: map[Ref]*listing{}}
}

// List is the list of ref, found out now or earlier in this cycle, or why there is none.
// The context of the first to ask bounds the listing for all: give the cycle's. The slice
// is shared and must not be changed, nor may the resources.
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
		how, n := c.find(ctx, ref, l)
		how.Took = time.Since(start)
		c.observe(how)
		close(l.done)
		if n != nil {
			go c.sharing.post(ctx, ref, *n) // the list is used meanwhile
		}
	}
	select {
	case <-l.done:
		return l.resources, l.err
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for discovery %q: %w", ref, context.Cause(ctx))
	}
}

// find sets the list of ref, another worker's or one made here. n is what others might
// want to know of it, nil for nothing.
func (c *Cache) find(ctx context.Context, ref Ref, l *listing) (how Listing, n *news) {
	how = Listing{Ref: ref, Origin: Listed}
	defer func() { how.Err = l.err }()
	decode := c.catalog.decoder(ref)
	if c.sharing.Exchange == nil || decode == nil {
		l.resources, l.err = c.catalog.list(ctx, ref)
		return how, nil
	}
	theirs, err := c.sharing.receive(ctx, ref, decode)
	owner := errors.Is(err, errOurs)
	switch {
	case err == nil && theirs.failure != "": // which may lie with that worker alone
		how.Origin, how.Reason = Fallback, fmt.Errorf("another worker could not list: %s", theirs.failure)
	case err == nil:
		how.Origin, l.resources = Read, theirs.resources
		return how, nil
	case ctx.Err() != nil:
		how.Origin, l.err = Read, fmt.Errorf("waiting for discovery %q by another worker: %w", ref, context.Cause(ctx))
		return how, nil
	case !owner:
		how.Origin, how.Reason = Fallback, err
	}
	l.resources, l.err = c.catalog.list(ctx, ref)
	return how, newsOf(ctx, owner, l)
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
			l.err = &discoverError{ref, fmt.Errorf("panic: %v\n%s", r, debug.Stack())}
		}
	}()
	resources, err := d.Discover(ctx, ref.Param)
	if err != nil {
		l.err = &discoverError{ref, err}
		return
	}
	l.resources, l.err = resources, nil
}
