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

// item is a resource that may have to be polled.
type item struct {
	routing
	resource discovery.Resource
	hash     uint64 // of its key
}

// Limits of how finely the resources of a cycle are spread. Each step of what is divided
// costs the coordinator two requests.
const (
	mostSteps  = 25
	leastStep  = 100 * time.Millisecond
	wholeCycle = 0 // offset of what is polled all at once
)

// home is who polls a resource: this worker alone, or one of the groups of its job.
type home int

const nobodyElse home = -1

// list is one discovery's resources, or the static ones of a source.
type list struct {
	resources []discovery.Resource
	home      home
	static    bool
}

// keyed is a resource with its key, which is asked for once.
type keyed struct {
	item
	key    string
	home   home
	static bool // no discovery lists it
}

// plan finds out what there is to be polled, by whom, and when.
func (c *cycle) plan(ctx context.Context) {
	ctx, cancel := context.WithDeadline(ctx, later(c.limit, time.Now().Add(leastPoll)))
	defer cancel()
	found := c.gather(ctx)
	for i := range found {
		found[i].hash = xxhash.Sum64String(found[i].key)
	}
	c.markSampled(found)
	var alone []keyed
	divided := make([][]keyed, len(c.groups))
	for _, k := range found {
		if k.home == nobodyElse {
			alone = append(alone, k)
		} else {
			divided[k.home] = append(divided[k.home], k)
		}
	}
	for i := range alone {
		c.count(alone[i].item)
	}
	c.showCounts()
	if c.newAlone() {
		c.planAlone(slices.DeleteFunc(alone, func(k keyed) bool { return !c.wants(k.item) }))
	}
	for i, found := range divided {
		if len(found) > 0 {
			c.shares = append(c.shares, &share{group: c.groups[i], found: found})
		}
	}
}

// newAlone reports whether what is not divided is yet to be polled under the number of the
// cycle, and notes that it is. No ledger tells that a number comes again because the group's
// clock is a little behind; when it is far behind, waiting for it would be worse.
func (c *cycle) newAlone() bool {
	if ahead := c.alone - c.number; ahead == 0 || ahead == 1 {
		return false
	}
	c.alone = c.number
	return true
}

// planAlone makes the steps of what is not divided.
func (c *cycle) planAlone(found []keyed) {
	items := make([]item, len(found))
	for i := range found {
		items[i] = found[i].item
	}
	switch {
	case len(items) == 0:
	case c.atOnce || !c.plugin.PerResource:
		c.add([]step{{offset: c.phase, items: items}})
	default:
		offsets := make([]time.Duration, len(found))
		for i := range found {
			offsets[i] = time.Duration(fraction(found[i].key) * c.splay * float64(c.interval))
		}
		c.add(spread(c, offsets, func(offset time.Duration, at []int) step {
			some := make([]item, len(at))
			for i, n := range at {
				some[i] = items[n]
			}
			return step{offset: offset, items: some}
		}))
	}
}

// spread puts what has offsets into few steps. at says what is in a step, by its position.
func spread(c *cycle, offsets []time.Duration, make func(offset time.Duration, at []int) step) []step {
	order := slices.SortedStableFunc(slices.Values(positions(len(offsets))), func(a, b int) int {
		return cmp.Compare(offsets[a], offsets[b])
	})
	width := max(time.Duration(c.splay*float64(c.interval))/mostSteps, leastStep)
	var steps []step
	for first := 0; first < len(order); {
		offset := offsets[order[first]]
		n := first + 1
		for n < len(order) && offsets[order[n]]/width == offset/width {
			n++
		}
		steps = append(steps, make(offset, order[first:n]))
		first = n
	}
	return steps
}

// positions are 0 to n-1.
func positions(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
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
			n, known := at[key]
			if !known {
				n = len(found)
				at[key] = n
				found = append(found, keyed{item: item{resource: r}, key: key, home: l.home, static: l.static})
			}
			k := &found[n]
			if l.home == nobodyElse || k.static && !l.static && k.home != nobodyElse {
				k.home, k.static = l.home, l.static
			}
			// What is skipped belongs to its partition still: all workers see the same ones.
			if !c.skip.has(i, key) {
				k.set = c.sets.add(k.set, i)
			}
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
	lists := []list{{s.resources, s.home, true}}
	n := len(s.resources)
	refs := s.source.Discovery
	for {
		for _, ref := range refs {
			rs, err := cache.List(ctx, ref)
			if err != nil {
				return nil, err
			}
			n += len(rs)
			lists = append(lists, list{rs, c.homeOf(ref), false})
		}
		if n > 0 || c.standIn == nil || slices.Equal(refs, c.standIn) {
			return lists, nil
		}
		refs = c.standIn
	}
}

// count adds an item that this worker is to poll.
func (c *cycle) count(it item) {
	if it.set == 0 {
		return
	}
	if c.counts == nil {
		c.counts = make([]int, len(c.selections))
	}
	c.tally.resources++
	for _, i := range c.sets.members[it.set] {
		c.counts[i]++
	}
}

// showCounts sets the gauges of the sources.
func (c *cycle) showCounts() {
	for i, s := range c.selections {
		n := 0
		if c.counts != nil {
			n = c.counts[i]
		}
		c.metrics.resources.WithLabelValues(s.source.Name, c.plugin.Name).Set(float64(n))
	}
}
