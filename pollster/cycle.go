package pollster

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	leastPoll = time.Second // what a poll gets even at the end of its cycle

	// After the end of a cycle: until a pollster must have returned, until what it
	// yielded must be written, until claims must be settled. All within a second.
	grace      = 250 * time.Millisecond
	lastWrite  = 600 * time.Millisecond
	lastSettle = 800 * time.Millisecond
)

// cycle is one cycle of one pollster. Only the goroutine of its job uses it. It ends with
// its interval, but what is divided is looked after a little longer.
type cycle struct {
	*job
	number    int64
	begun     time.Time
	start     time.Time // of its interval, on the monotonic clock
	limit     time.Time // when own polls must be over
	atOnce    bool      // do not wait for slots
	steps     []step    // that this worker has yet to do, by their offsets
	shares    []*share  // of what is divided
	look      time.Time // when to look after the shares again; zero for never
	worked    time.Time // when the last own step was over
	concluded bool
	tally     tally
	counts    []int // of the resources to poll, by selection
}

// step is what one pollster polls at one moment of its cycle: some items that are not
// divided, or partitions of a share.
type step struct {
	offset time.Duration // from the start of the cycle
	items  []item
	share  *share
	parts  []int // positions in the share
}

// begin begins a cycle, which was due some time ago.
func (j *job) begin(ctx context.Context, k int64, by partition.Membership, late time.Duration, atOnce bool) {
	j.conclude(j.current, true, false)
	j.leaveBehind(ctx)
	begun := time.Now()
	c := &cycle{job: j, number: k, begun: begun, start: begun.Add(-late), atOnce: atOnce}
	c.limit = c.start.Add(j.interval)
	if atOnce {
		c.limit, late = begun.Add(j.interval), 0
	}
	j.current, j.last, j.by = c, k, by
	j.note(func(s *PollsterStatus) { s.Running, s.Started = true, now(j.task.clock) })
	label := j.interval.String()
	j.metrics.cycles.WithLabelValues(label).Inc()
	j.metrics.lag.WithLabelValues(label).Observe(late.Seconds())
	if j.stuck.Load() {
		j.polling.bad("stuck")
		j.metrics.polls.WithLabelValues(j.plugin.Name, "stuck").Inc()
		return
	}
	for i := range j.selections { // the number is used up, even if nothing is sampled
		j.config.History.add(j.whose(i), k, &j.selections[i], nil)
	}
	c.plan(ctx)
	if len(c.shares) > 0 {
		c.tend(ctx)
	}
}

// leaveBehind makes the current cycle the previous one, if there is something to look after.
func (j *job) leaveBehind(ctx context.Context) {
	if j.previous != nil {
		j.previous.close(ctx)
	}
	if c := j.current; c != nil {
		c.steps = nil
		c.shares = slices.DeleteFunc(c.shares, func(s *share) bool { return s.ledger == nil })
		if len(c.shares) > 0 {
			j.previous = c
			c.look = time.Now()
		}
	}
}

// add adds steps to those that are left.
func (c *cycle) add(steps []step) {
	c.steps = append(c.steps, steps...)
	slices.SortStableFunc(c.steps, func(a, b step) int { return cmp.Compare(a.offset, b.offset) })
}

// stepAt is when the next own step is due; false when there is none.
func (c *cycle) stepAt() (at time.Time, ok bool) {
	switch {
	case len(c.steps) == 0:
		return time.Time{}, false
	case c.atOnce:
		return c.begun, true
	}
	return c.start.Add(c.steps[0].offset), true
}

// stepDue reports whether there is an own step to be made now.
func (c *cycle) stepDue(now time.Time) bool {
	at, ok := c.stepAt()
	return ok && !now.Before(at) && (now.Before(c.limit) || c.tally.polls == 0) && !c.stuck.Load()
}

// nextStep makes it.
func (c *cycle) nextStep(ctx context.Context) {
	s := c.steps[0]
	c.steps = c.steps[1:]
	if s.share == nil {
		c.pollItems(ctx, s.items)
	} else {
		c.take(ctx, s.share, partition.Own, s.parts)
	}
	c.worked = time.Now()
}

// pollItems polls what is not divided.
func (c *cycle) pollItems(ctx context.Context, items []item) {
	work, cancel := c.working(ctx, c.limit)
	defer cancel()
	var calls []*call
	byRouting := map[routing]*call{}
	for _, it := range items {
		to := byRouting[it.routing]
		if to == nil {
			to = &call{routing: it.routing}
			byRouting[it.routing] = to
			calls = append(calls, to)
		}
		to.items = append(to.items, it)
	}
	if !c.task.enter(ctx, work) {
		return
	}
	defer c.task.exit()
	for _, one := range calls {
		c.poll(ctx, work, one)
	}
}

// working is the context of polls: it ends at the limit, and after ctx when the time to
// drain is over. Whose ID was taken has nothing to drain.
func (c *cycle) working(ctx context.Context, limit time.Time) (context.Context, context.CancelFunc) {
	base, cancelBase := ctx, context.CancelFunc(func() {})
	if c.config.Drain > 0 {
		base, cancelBase = outlastUnless(ctx, c.config.Drain, partition.ErrReplaced)
	}
	work, cancel := context.WithDeadline(base, later(limit, time.Now().Add(leastPoll)))
	return work, func() { cancel(); cancelBase() }
}

// conclude accounts for the own work of a cycle once that is done, the cycle is over or Run
// is stopped.
func (j *job) conclude(c *cycle, over, stopping bool) {
	if c == nil || c.concluded {
		return
	}
	waiting := len(c.steps) > 0 && !c.stuck.Load() || slices.ContainsFunc(c.shares, func(s *share) bool { return s.ledger == nil })
	if waiting && !over && !stopping {
		return
	}
	c.concluded = true
	by := time.Since(c.limit)
	overran := !stopping && by >= 0 && (over && len(c.steps) > 0 || !c.worked.Before(c.limit))
	c.steps = nil
	label := j.interval.String()
	took := time.Since(c.begun)
	j.metrics.cycleDuration.WithLabelValues(label).Observe(took.Seconds())
	if overran {
		j.metrics.overruns.WithLabelValues(label, j.plugin.Name).Inc()
		if j.planning.bad("overrun") {
			j.log.Warn("cycle was not over when the next one was due", "cycle", c.number, "by", by)
		}
	}
	gone := j.planning.settle()
	if c.tally.polls > 0 {
		gone = append(gone, j.polling.settle()...)
	}
	for _, problem := range gone {
		j.log.Info("pollster has recovered", "cycle", c.number, "problem", problem)
	}
	j.note(func(s *PollsterStatus) {
		s.Running, s.Took = false, took
		if overran {
			s.Overruns++
			s.LastOverrun = by
		}
	})
	c.publish()
}

// publish shows what a cycle has come to so far.
func (c *cycle) publish() {
	if !c.concluded || c != c.current {
		return
	}
	c.note(func(s *PollsterStatus) {
		s.Cycle, s.Resources, s.Samples, s.Lost, s.Errors = c.number, c.tally.resources, c.tally.samples, c.tally.lost, c.tally.errs
		if c.tally.first != nil {
			s.LastError, s.LastErrorCycle = firstLine(c.tally.first), c.number
		}
	})
}

// stopping reports whether ctx ended because the Scheduler is to stop, which makes the
// errors that follow from it no news.
func stopping(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

func now(c *clock) time.Time {
	t, _ := c.now()
	return t
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
