package pollster

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/ringmeter/ringmeter/discovery"
)

// step is what one pollster polls at one moment of its cycle.
type step struct {
	offset time.Duration // from the start of the cycle
	items  []item
}

// item is a resource that this worker is to poll.
type item struct {
	routing
	resource  discovery.Resource
	hash      uint64 // of its key
	local     bool   // not divided, so it needs no claim
	partition int    // unless local
	offset    time.Duration
}

// Limits of how finely the resources of a cycle are spread.
const (
	mostSteps  = 100
	leastStep  = 100 * time.Millisecond
	wholeCycle = 0 // offset of what is polled all at once
)

// list is one discovery's resources, or the static ones of a source.
type list struct {
	resources []discovery.Resource
	local     bool
}

// plan finds out what is to be polled, and when.
func (c *cycle) plan(ctx context.Context) []step {
	ctx, cancel := context.WithDeadline(ctx, later(c.deadline, time.Now().Add(leastPoll)))
	defer cancel()
	items := c.divide(ctx, c.gather(ctx))
	c.tally.resources = len(items)
	c.countResources(items)
	if items = c.unsampled(items); len(items) == 0 {
		return nil
	}
	if c.atOnce || !c.plugin.PerResource {
		return []step{{wholeCycle, items}}
	}
	return c.spread(items)
}

// gather collects the resources of all sources, each once, with the set of sources that
// hold it. A source of which a discovery fails has none.
func (c *cycle) gather(ctx context.Context) []keyed {
	cache := c.task.cache(c.number)
	lists := make([][]list, len(c.selections))
	n := 0
	for i := range c.selections {
		var err error
		if lists[i], err = c.candidates(ctx, cache, &c.selections[i]); err != nil && !stopping(ctx) {
			c.tally.fail(err)
		}
		for _, l := range lists[i] {
			n = max(n, len(l.resources))
		}
	}
	found, at := make([]keyed, 0, n), make(map[string]int, n)
	for i := range lists {
		var err error
		if found, err = c.collect(found, at, i, lists[i]); err != nil {
			c.tally.fail(err)
		}
	}
	return found
}

// keyed is a resource with its key, which is asked for once.
type keyed struct {
	item
	key string
}

// collect adds the resources of source i to found; at says where a key stands there. A
// resource without a usable key is left out and is the error.
func (c *cycle) collect(found []keyed, at map[string]int, i int, lists []list) ([]keyed, error) {
	var bad error
	for _, l := range lists {
		for _, r := range l.resources {
			key, err := keyOf(r)
			if err != nil {
				bad = err
				continue
			}
			if c.skip.has(i, key) {
				continue
			}
			n, known := at[key]
			if !known {
				n = len(found)
				at[key] = n
				found = append(found, keyed{item{resource: r}, key})
			}
			found[n].set = c.sets.add(found[n].set, i)
			found[n].local = found[n].local || l.local
		}
	}
	if bad != nil && c.planning.bad("key") {
		c.log.Error("a resource cannot be used", "source", c.selections[i].source.Name, "err", bad)
	}
	return found, bad
}

// keyOf asks r for its key. Resources are the plugins' own, so that may panic.
func keyOf(r discovery.Resource) (key string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading the key of a %T: panic: %v\n%s", r, p, debug.Stack())
		}
	}()
	return r.ResourceKey(), nil
}

// candidates is what a source wants polled. The default discovery stands in when the
// source itself yields nothing, decided before resources are divided so that all
// workers decide alike.
func (c *cycle) candidates(ctx context.Context, cache *discovery.Cache, s *selection) ([]list, error) {
	lists := []list{{s.resources, false}}
	n := len(s.resources)
	refs := s.source.Discovery
	for {
		for _, ref := range refs {
			rs, err := cache.List(ctx, ref)
			if err != nil {
				return nil, err
			}
			n += len(rs)
			lists = append(lists, list{rs, c.task.catalog.Scope(ref.Name) == discovery.Local})
		}
		if n > 0 || c.standIn == nil || slices.Equal(refs, c.standIn) {
			return lists, nil
		}
		refs = c.standIn
	}
}

// divide keeps what this worker owns. Without a coordinator that is everything.
func (c *cycle) divide(ctx context.Context, found []keyed) []item {
	shared := func(k keyed) bool { return !k.local }
	if c.task.division.coordinator != nil && slices.ContainsFunc(found, shared) {
		var err error
		if c.share, err = c.task.division.open(ctx, c.ledger, c.number); err != nil && !stopping(ctx) {
			c.ledgerFailed("open", err)
		}
	}
	splay := c.splay * float64(c.interval)
	items := make([]item, 0, len(found))
	for _, k := range found {
		k.hash = xxhash.Sum64String(k.key)
		switch {
		case k.local || c.task.division.coordinator == nil:
			k.local = true
			k.offset = time.Duration(fraction(k.key) * splay)
		case c.share == nil:
			continue
		default:
			k.partition = c.share.ring.Partition(k.key)
			if !c.share.owned[k.partition] {
				continue
			}
			k.offset = time.Duration(c.share.ring.Slot(k.partition, c.splay) * float64(c.interval))
		}
		items = append(items, k.item)
	}
	return items
}

// spread divides items into steps by their slots. A partition has one slot, so it is
// never in two steps.
func (c *cycle) spread(items []item) []step {
	slices.SortStableFunc(items, func(a, b item) int { return cmp.Compare(a.offset, b.offset) })
	width := max(time.Duration(c.splay*float64(c.interval))/mostSteps, leastStep)
	var steps []step
	for first := 0; first < len(items); {
		n := first + 1
		for n < len(items) && items[n].offset/width == items[first].offset/width {
			n++
		}
		steps = append(steps, step{items[first].offset, items[first:n]})
		first = n
	}
	return steps
}

// countResources sets the gauges of the sources.
func (c *cycle) countResources(items []item) {
	counts := make([]int, len(c.selections))
	for _, it := range items {
		for _, i := range c.sets.members[it.set] {
			counts[i]++
		}
	}
	for i, s := range c.selections {
		c.metrics.resources.WithLabelValues(s.source.Name, c.plugin.Name).Set(float64(counts[i]))
	}
}
