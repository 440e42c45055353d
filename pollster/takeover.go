package pollster

import (
	"slices"
	"time"
)

// whose names the job's runs for one of its sources.
func (j *job) whose(source int) runOf {
	return runOf{j.selections[source].source.Name, j.plugin.Name, j.interval}
}

// takeOver finds out what an earlier Scheduler has done. It returns the cycle to begin
// with: the current one, or the last one if there was any and the next is not due yet.
func (j *job) takeOver(now time.Time) (k int64) {
	j.earlier = make([]*earlier, len(j.selections))
	var last *int64
	for i := range j.selections {
		e := j.config.History.find(j.whose(i))
		if e != nil && (last == nil || e.cycle > *last) {
			last = &e.cycle
		}
		j.earlier[i] = e
	}
	if last == nil {
		return j.unphased().cycleAt(now)
	}
	k = max(j.cycleAt(now), *last)
	for i, e := range j.earlier {
		if e != nil && e.cycle != k {
			j.earlier[i] = nil
		}
	}
	return k
}

// unsampled leaves out what an earlier Scheduler has sampled in this cycle.
func (c *cycle) unsampled(items []item) []item {
	if !slices.ContainsFunc(c.earlier, func(e *earlier) bool { return e != nil }) {
		return items
	}
	for n := range items {
		it := &items[n]
		for _, i := range c.sets.members[it.set] {
			if e := c.earlier[i]; e != nil && e.sampled(it.hash) {
				it.before = c.sets.add(it.before, i)
			}
		}
	}
	return slices.DeleteFunc(items, func(it item) bool { return !c.routesOf(it.routing).wanted })
}

// remember notes that items, which a set of sources holds, were sampled in this cycle.
func (c *cycle) remember(set int, items []item) {
	for _, i := range c.sets.members[set] {
		c.config.History.add(c.whose(i), c.number, &c.selections[i], items)
	}
}

// keepHistory makes room in the history for what is scheduled now.
func (s *Scheduler) keepHistory() {
	scheduled := map[runOf]bool{}
	for _, j := range s.jobs {
		for i := range j.selections {
			scheduled[j.whose(i)] = true
		}
	}
	s.config.History.keep(scheduled)
}
