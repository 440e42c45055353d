package pollster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
)

// task is what the pollsters of sources with one interval share.
type task struct {
	catalog  *discovery.Catalog
	division *division
	batches  *sync.Pool
	wall     func() time.Time
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
	fresh := t.catalog.Cycle(t.observe)
	if t.caches == nil || k > t.number {
		t.number, t.caches = k, fresh
	}
	return fresh
}

// observe counts a listing, and reports when a discovery begins to fail and when it is
// back.
func (t *task) observe(ref discovery.Ref, took time.Duration, err error) {
	if errors.Is(err, context.Canceled) {
		return // by the end of Run
	}
	t.metrics.observeDiscovery(ref.Name, took, err)
	if err == nil {
		if t.health.good(ref.String()) {
			t.log.Info("discovery has recovered", "discovery", ref.String())
		}
	} else if t.health.bad(ref.String()) {
		t.log.Warn("discovery fails, so what needs it is not polled", "discovery", ref.String(), "err", err)
	}
}

// enter waits for a slot; false if ctx ends first.
func (t *task) enter(ctx context.Context) bool {
	if t.slots == nil {
		return true
	}
	select {
	case t.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *task) exit() {
	if t.slots != nil {
		<-t.slots
	}
}
