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
// with: the current one, or the last one if the clock was set back since and is not a
// group's.
func (j *job) takeOver(now time.Time, grouped bool) (k int64) {
	j.earlier = make([]*earlier, len(j.selections))
	var last *int64
	for i := range j.selections {
		e := j.config.History.find(j.whose(i))
		if e != nil && (last == nil || e.cycle > *last) {
			last = &e.cycle
		}
		j.earlier[i] = e
	}
	k = j.cycleAt(now)
	if last != nil && !grouped {
		k = max(k, *last)
	}
	for i, e := range j.earlier {
		if e != nil && e.cycle != k {
			j.earlier[i] = nil
		}
	}
	return k
}

// markSampled notes at the resources what an earlier Scheduler has sampled in this cycle.
func (c *cycle) markSampled(found []keyed) {
	if !slices.ContainsFunc(c.earlier, func(e *earlier) bool { return e != nil }) {
		return
	}
	for n := range found {
		k := &found[n]
		for _, i := range c.sets.members[k.set] {
			if e := c.earlier[i]; e != nil && e.sampled(k.hash) {
				k.before = c.sets.add(k.before, i)
			}
		}
		if k.before != 0 {
			c.routesOf(k.routing) // needs what is forgotten after the first cycle
		}
	}
}

// wants reports whether anything is to be polled of an item.
func (j *job) wants(it item) bool {
	return it.set != 0 && (it.before == 0 || j.routesOf(it.routing).wanted)
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
