package pollster

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/ringmeter/ringmeter/discovery"
)

// task is what the pollsters of sources with one interval share.
type task struct {
	catalog  *discovery.Catalog
	clock    *clock
	exchange *exchange // nil: each worker lists for itself
	batches  *sync.Pool
	metrics  *Metrics
	log      *slog.Logger
	slots    chan struct{} // one per pollster that may be polled at once; nil for all
	health   health        // of discoveries

	mu     sync.Mutex
	number int64 // of current
	caches *discovery.Cache
}

// cache is the discovery cache of cycle k. Pollsters of a task are at different places
// of their cycles, but share the latest; who is a cycle behind lists for itself.
func (t *task) cache(k int64) *discovery.Cache {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.caches != nil && k == t.number {
		return t.caches
	}
	fresh := t.catalog.Cycle(t.observe, t.sharing(k))
	if t.caches == nil || k > t.number {
		t.number, t.caches = k, fresh
	}
	return fresh
}

// observe counts a listing, and reports when a discovery begins to fail and when it is
// back.
func (t *task) observe(l discovery.Listing) {
	if errors.Is(l.Err, context.Canceled) {
		return // by the end of Run
	}
	t.metrics.observeDiscovery(l)
	ref := l.Ref.String()
	if l.Err == nil {
		if t.health.good(ref) {
			t.log.Info("discovery has recovered", "discovery", ref)
		}
	} else if t.health.bad(ref) {
		t.log.Warn("discovery fails, so what needs it is not polled", "discovery", ref, "err", l.Err)
	}
	switch problem := "share " + ref; {
	case l.Origin != discovery.Fallback:
		t.health.good(problem)
	case t.health.bad(problem):
		t.log.Warn("list of another worker cannot be had, listing here", "discovery", ref, "err", l.Reason)
	}
}

// enter waits for a slot; false if ctx or work ends first.
func (t *task) enter(ctx, work context.Context) bool {
	if t.slots != nil {
		select {
		case t.slots <- struct{}{}:
		case <-ctx.Done():
			return false
		case <-work.Done():
			return false
		}
	}
	if ctx.Err() == nil && work.Err() == nil {
		return true
	}
	t.exit()
	return false
}

func (t *task) exit() {
	if t.slots != nil {
		<-t.slots
	}
}
