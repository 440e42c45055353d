package pollster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/partition"
)

// job is one pollster of one task: what its sources take, and its runs.
type job struct {
	timetable
	task       *task
	config     *Config
	metrics    *Metrics
	log        *slog.Logger
	plugin     *Plugin
	pollster   Pollster
	selections []selection     // in the order of the file
	standIn    []discovery.Ref // the default discovery, if there is one
	groups     []string        // that its resources may belong to
	homes      map[string]home // of what is discovered, by discovery
	ledger     string
	splay      float64
	phase      time.Duration // of its one poll in the cycle, unless it is PerResource
	skip       *skipList
	sets       *sets
	routes     map[routing]*routes
	earlier    []*earlier // by selection, during the first cycle: what is not to be repeated
	repeats    *repeats   // kept for the next poll
	planning   health     // of what comes before a poll
	polling    health
	stuck      atomic.Bool

	last     int64                // number of the newest cycle
	alone    int64                // of the one in which what is not divided was polled last; 0 for none
	by       partition.Membership // whose clock it has its number from, nil for the local one
	current  *cycle               // the newest one
	previous *cycle               // the one before, while there may be something to rescue

	mu     sync.Mutex // guards what follows
	status PollsterStatus
	closed map[string]CycleStatus // by group
}

// longestSleep is how long a job waits before it looks at the clock again: a timer knows
// neither that the clock has been set nor how long the machine was suspended.
const longestSleep = time.Minute

// follow runs the job's cycles until ctx ends: one at once, then by the timetable.
func (j *job) follow(ctx context.Context) {
	now, by := j.task.clock.now()
	k := j.takeOver(now, by != nil)
	j.begin(ctx, k, by, now.Sub(j.start(k)), true)
	j.earlier = nil
	var waited *turn // the one that was slept for; nil when there was work
	for ctx.Err() == nil {
		changes := j.config.Groups.changes()
		now, by := j.task.clock.now()
		next := j.due(now, by, waited)
		if waited = nil; !now.Before(next.at) {
			j.begin(ctx, next.number, by, now.Sub(next.at), next.atOnce)
			continue
		}
		worked, wait := j.work(ctx)
		if worked {
			continue
		}
		waited = &next
		j.note(func(s *PollsterStatus) { s.Next = next.at })
		timer := time.NewTimer(min(next.at.Sub(now), wait, longestSleep))
		select {
		case <-timer.C:
		case <-changes:
			j.hurry()
		case <-ctx.Done():
		}
		timer.Stop()
	}
	j.conclude(j.current, false, true)
}

// turn is a cycle to come and when it begins.
type turn struct {
	number int64
	at     time.Time
	atOnce bool
}

// due is the cycle to begin next and when, which may be over.
func (j *job) due(now time.Time, by partition.Membership, waited *turn) turn {
	current := j.cycleAt(now)
	if current == j.last {
		j.by = by
	}
	switch {
	case by != nil && (by != j.by && current != j.last || current < j.last-1):
		// The group counts differently, and what it says is so. Its ledgers know what has
		// been done already.
		return turn{current, j.start(current), true}
	case waited != nil && !now.Before(waited.at):
		if current > waited.number { // the clock was set forward
			return turn{current, j.start(current), false}
		}
		return *waited
	}
	k, at := j.next(now, j.last)
	return turn{k, at, false}
}

// work does what is most urgent. If there is nothing it says for how long.
func (j *job) work(ctx context.Context) (worked bool, wait time.Duration) {
	c := j.current
	now := time.Now()
	if c.stepDue(now) {
		c.nextStep(ctx)
		return true, 0
	}
	j.conclude(c, !now.Before(c.limit), false)
	for _, c := range []*cycle{c, j.previous} {
		if c != nil && !c.look.IsZero() && !now.Before(c.look) {
			c.tend(ctx)
			return true, 0
		}
	}
	wait = longestSleep
	for _, c := range []*cycle{c, j.previous} {
		if c == nil {
			continue
		}
		if !c.look.IsZero() {
			wait = min(wait, c.look.Sub(now))
		}
		if at, ok := c.stepAt(); ok {
			wait = min(wait, at.Sub(now))
		}
	}
	return false, wait
}

// hurry has the groups looked after at once.
func (j *job) hurry() {
	for _, c := range []*cycle{j.current, j.previous} {
		if c != nil {
			c.hurry()
		}
	}
}

// once runs the current cycle at once, and nothing else.
func (j *job) once(ctx context.Context) {
	now, by := j.task.clock.now()
	k := j.cycleAt(now)
	j.begin(ctx, k, by, now.Sub(j.start(k)), true)
	for j.current.stepDue(time.Now()) && ctx.Err() == nil {
		j.current.nextStep(ctx)
	}
	j.conclude(j.current, true, ctx.Err() != nil)
	j.current, j.alone = nil, 0 // so that the next one leaves nothing behind, and nothing out
}

// phaseOf is when in a cycle a member polls everything at once.
func (j *job) phaseOf(member string) time.Duration {
	if j.plugin.PerResource {
		return 0
	}
	return time.Duration(fraction(member, j.selections[0].source.Name) * j.splay * float64(j.interval))
}

// homeOf is the home of what a discovery lists.
func (j *job) homeOf(ref discovery.Ref) home {
	if h, ok := j.homes[ref.Name]; ok {
		return h
	}
	return nobodyElse
}

// routesOf decides once where samples go.
func (j *job) routesOf(to routing) *routes {
	r := j.routes[to]
	if r == nil {
		before := j.sets.members[to.before]
		sampled := func(source int, meter string) bool {
			return slices.Contains(before, source) && j.earlier[source].took(meter)
		}
		r = newRoutes(j.plugin, j.selections, j.sets.members[to.set], sampled, j.metrics.meter)
		j.routes[to] = r
	}
	return r
}

// takeRepeats and keepRepeats save the growth of a table per poll.
func (j *job) takeRepeats() *repeats {
	r := j.repeats
	j.repeats = nil
	if r == nil {
		r = &repeats{}
	}
	return r
}

func (j *job) keepRepeats(r *repeats) {
	r.reset()
	j.repeats = r
}

// sources names those that select the plugin.
func (j *job) sources() []string {
	var names []string
	for _, s := range j.selections {
		names = append(names, s.source.Name)
	}
	return slices.Clip(names)
}
