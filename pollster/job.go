package pollster

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
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
	ledger     string
	splay      float64
	skip       *skipList
	sets       *sets
	routes     map[routing]*routes
	earlier    []*earlier // by selection, during the first run: what is not to be repeated
	repeats    *repeats   // kept for the next poll
	planning   health     // of what comes before a poll
	polling    health
	stuck      atomic.Bool

	mu     sync.Mutex // guards status
	status PollsterStatus
}

// longestSleep is how long a job waits before it looks at the clock again: a timer knows
// neither that the clock has been set nor how long the machine was suspended.
const longestSleep = time.Minute

// follow runs the job's cycles until ctx ends: one at once, then by the timetable.
func (j *job) follow(ctx context.Context) {
	last := j.takeOver(j.task.wall())
	j.cycle(ctx, last, 0, true)
	j.earlier = nil
	for ctx.Err() == nil {
		now := j.task.wall()
		k, at := j.next(now, last)
		j.note(func(s *PollsterStatus) { s.Next = at })
		if !sleep(ctx, min(at.Sub(now.Round(0)), longestSleep)) {
			return
		}
		now = j.task.wall().Round(0)
		if now.Before(at) {
			continue // there is more to wait for, or the clock was set back meanwhile
		}
		if current := j.cycleAt(now); current > k {
			k, at = current, j.start(current) // it was set forward
		}
		j.cycle(ctx, k, now.Sub(at), false)
		last = k
	}
}

// cycle makes one run, which was due some time ago, and accounts for it.
func (j *job) cycle(ctx context.Context, k int64, late time.Duration, atOnce bool) {
	begun := time.Now()
	c := &cycle{job: j, number: k, start: begun.Add(-late), atOnce: atOnce}
	c.deadline = c.start.Add(j.interval)
	j.note(func(s *PollsterStatus) { s.Running, s.Started = true, j.task.wall() })
	label := j.interval.String()
	j.metrics.cycles.WithLabelValues(label).Inc()
	j.metrics.lag.WithLabelValues(label).Observe(late.Seconds())
	if j.stuck.Load() {
		j.polling.bad("stuck")
		j.metrics.polls.WithLabelValues(j.plugin.Name, "stuck").Inc()
	} else {
		c.run(ctx)
	}
	took := time.Since(begun)
	j.metrics.cycleDuration.WithLabelValues(label).Observe(took.Seconds())
	over := time.Since(c.deadline)
	overran := over >= 0 && ctx.Err() == nil
	if overran {
		j.metrics.overruns.WithLabelValues(label, j.plugin.Name).Inc()
		if j.planning.bad("overrun") {
			j.log.Warn("cycle was not over when the next one was due", "cycle", k, "by", over)
		}
	}
	j.finish(c, took, overran, over)
}

// finish reports what is well again and publishes the status.
func (j *job) finish(c *cycle, took time.Duration, overran bool, over time.Duration) {
	gone := j.planning.settle()
	if c.tally.polls > 0 {
		gone = append(gone, j.polling.settle()...)
	}
	for _, problem := range gone {
		j.log.Info("pollster has recovered", "cycle", c.number, "problem", problem)
	}
	j.note(func(s *PollsterStatus) {
		s.Running, s.Cycle, s.Took = false, c.number, took
		s.Resources, s.Samples, s.Lost, s.Errors = c.tally.resources, c.tally.samples, c.tally.lost, c.tally.errs
		if c.tally.first != nil {
			s.LastError, s.LastErrorCycle = firstLine(c.tally.first), c.number
		}
		if overran {
			s.Overruns++
			s.LastOverrun = over
		}
	})
}

// account adds a poll of the resources of a set to the run.
func (c *cycle) account(ctx context.Context, set int, r result, lost int, took time.Duration) {
	outcome := r.outcome(ctx)
	c.metrics.polls.WithLabelValues(c.plugin.Name, outcome).Inc()
	c.metrics.pollDuration.WithLabelValues(c.plugin.Name).Observe(took.Seconds())
	c.metrics.pollErrors.WithLabelValues(c.plugin.Name).Add(float64(r.errs))
	c.metrics.samples.WithLabelValues(c.plugin.Name, "invalid").Add(float64(r.invalid))
	switch outcome {
	case "stuck":
		if c.polling.bad("stuck") {
			c.log.Error("pollster ignores the end of its cycle and is abandoned until it returns", "cycle", c.number)
		}
		c.tally.fail(errors.New("the pollster did not return at the end of its cycle"))
	case "timeout":
		if c.polling.bad("timeout") {
			c.log.Warn("poll was cut off at the end of its cycle", "cycle", c.number, "after", took)
		}
		c.tally.fail(errors.New("the poll was cut off at the end of its cycle"))
	}
	if r.first != nil {
		if c.tally.errs += r.errs; c.tally.first == nil {
			c.tally.first = r.first
		}
	}
	c.tally.polls++
	c.tally.samples += r.samples - lost
	c.tally.lost += lost
	if len(r.permanent) > 0 {
		c.skip.add(c.sets.members[set], r.permanent)
		for _, i := range c.sets.members[set] {
			c.metrics.skipped.WithLabelValues(c.selections[i].source.Name, c.plugin.Name).Set(float64(c.skip.len(i)))
		}
	}
}

// pollFailed is called for each error of a poll, on the poll's goroutine.
func (j *job) pollFailed(err error, panicked bool) {
	if panicked {
		if j.polling.bad("panic") {
			j.log.Error("pollster panicked", "err", err)
		}
		return
	}
	if permanent, ok := errors.AsType[*PermanentError](err); ok {
		// These are not met again, so each is news.
		j.log.Warn("resources are not polled any more", "count", len(permanent.Resources), "err", permanent.Err)
		return
	}
	if j.polling.bad("error") {
		j.log.Warn("pollster reports errors", "err", err)
	}
}

// ledgerFailed notes a failed request to the coordinator.
func (c *cycle) ledgerFailed(request string, err error) {
	c.metrics.claimErrors.WithLabelValues(request).Inc()
	c.tally.fail(err)
	if c.planning.bad("ledger " + request) {
		c.log.Warn("coordinator does not answer", "request", request, "cycle", c.number, "err", err)
	}
}

// hangs marks the job as stuck, or as free again.
func (j *job) hangs(on bool) {
	j.stuck.Store(on)
	by := 1.0
	if !on {
		by = -1
	}
	j.metrics.stuck.WithLabelValues(j.plugin.Name).Add(by)
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
