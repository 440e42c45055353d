package pollster

import (
	"context"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	tick = 1500 * time.Millisecond // between looks while something is left to do

	// longestWindow is for how long after the end of a cycle what a member has left behind
	// is rescued: long enough for its lease to end.
	longestWindow = 20 * time.Second

	coverageLimit = 5 * time.Second // for one request
)

// closing is when nothing of a cycle is rescued any more.
func (c *cycle) closing() time.Time {
	return c.start.Add(c.interval + Window(c.interval))
}

// again looks after the shares at a moment, or before.
func (c *cycle) again(at time.Time) {
	if c.look.IsZero() || at.Before(c.look) {
		c.look = at
	}
}

// hurry looks after the shares at once: something about the groups has changed.
func (c *cycle) hurry() {
	if len(c.shares) == 0 {
		return
	}
	c.look = time.Now()
	for _, s := range c.shares {
		s.retry.next, s.rescue.next = time.Time{}, time.Time{}
	}
}

// tend sees to what is divided, beyond the own steps, and closes the cycle when everything
// is done or its window is over.
func (c *cycle) tend(ctx context.Context) {
	now := time.Now()
	c.look = time.Time{}
	over := c == c.previous
	if over && !now.Before(c.closing()) {
		c.close(ctx)
		return
	}
	if c.stuck.Load() {
		c.again(now.Add(tick))
		return
	}
	for _, s := range c.shares {
		c.tendShare(ctx, s, over)
	}
	if !over {
		return
	}
	if !slices.ContainsFunc(c.shares, func(s *share) bool { return !s.complete }) {
		c.close(ctx)
		return
	}
	c.again(c.closing())
	c.again(now.Add(tick))
}

func (c *cycle) tendShare(ctx context.Context, s *share, over bool) {
	if !c.open(ctx, s) {
		c.again(time.Now().Add(tick))
		return
	}
	if len(s.unsettled) > 0 {
		c.settleAll(ctx, s)
		c.again(time.Now().Add(tick))
	}
	if s.complete {
		return
	}
	var coverage partition.Coverage
	if over {
		if coverage = c.coverage(ctx, s); s.complete {
			return
		}
	}
	c.claimAgain(ctx, s)
	if s.member.State().Mode != partition.Linked {
		return // it is not for this worker to say who is gone; a change wakes it
	}
	c.rescueGone(ctx, s)
	// After the end there is only to be taken over what somebody may have left behind who is
	// back already: what was handed back had its chance.
	if !over || coverage.Done+coverage.Open < coverage.Expected {
		c.steal(ctx, s, over)
	}
}

// coverage asks what is done, and notes when that is everything. It is zero when it cannot
// be had, for which nothing waits while the coordinator is away.
func (c *cycle) coverage(ctx context.Context, s *share) partition.Coverage {
	if s.member.State().Mode != partition.Linked {
		return partition.Coverage{}
	}
	ctx, cancel := context.WithTimeout(ctx, coverageLimit)
	defer cancel()
	coverage, err := s.ledger.Coverage(ctx)
	if err != nil {
		if !stopping(ctx) {
			c.ledgerFailed("coverage", err)
		}
		return partition.Coverage{}
	}
	s.covered, s.complete = coverage, coverage.Expected > 0 && coverage.Done >= coverage.Expected
	return coverage
}

// claimAgain asks once more for own partitions that were not granted: the one who held them
// may be gone, this worker's former process for one.
func (c *cycle) claimAgain(ctx context.Context, s *share) {
	missing := s.where(func(p *part) bool { return p.stage == refused })
	if len(missing) == 0 {
		return
	}
	if !s.retry.due() {
		c.again(s.retry.next)
		return
	}
	if c.coverage(ctx, s); s.complete {
		return
	}
	c.take(ctx, s, partition.Own, missing)
	s.retry.wait()
	c.again(s.retry.next)
}

// where is the positions of some partitions.
func (s *share) where(which func(p *part) bool) []int {
	var parts []int
	for i := range s.parts {
		if which(&s.parts[i]) {
			parts = append(parts, i)
		}
	}
	return parts
}

// close reports what has become of a cycle and forgets it.
func (c *cycle) close(ctx context.Context) {
	var sum partition.Coverage
	known, lost := false, 0
	for _, s := range c.shares {
		coverage := s.covered
		if !s.complete {
			coverage = c.coverage(ctx, s)
		}
		if coverage.Expected == 0 {
			continue // not known
		}
		status := CycleStatus{Ledger: c.ledger, Number: c.number, Interval: c.interval,
			Coverage: coverage, Lost: max(coverage.Expected-coverage.Done, 0)}
		known = true
		lost += status.Lost
		sum.Expected += coverage.Expected
		sum.Done += coverage.Done
		sum.Rescued += coverage.Rescued
		sum.Stolen += coverage.Stolen
		sum.Late += coverage.Late
		c.mu.Lock()
		before := c.closed[s.group].Lost
		c.closed[s.group] = status
		c.mu.Unlock()
		c.logLost(s, status, before)
	}
	if known {
		c.metrics.cycleClosed(c.ledger, sum, lost)
	}
	if c.previous == c {
		c.previous = nil
	}
}

// logLost says when partitions are lost, when it becomes more than in the cycle before, and
// when that is over.
func (c *cycle) logLost(s *share, now CycleStatus, before int) {
	switch {
	case now.Lost > before:
		c.log.Error("partitions are lost: nobody has finished them in time", "group", s.group, "cycle", c.number, "lost", now.Lost,
			"expected", now.Coverage.Expected, "claimed", now.Coverage.Claimed, "handed_back", now.Coverage.Open)
	case now.Lost == 0 && before > 0:
		c.log.Info("no partitions are lost any more", "group", s.group, "cycle", c.number)
	}
}

// Window is for how long after the end of a cycle what is left of it may still be polled.
func Window(interval time.Duration) time.Duration { return min(interval, longestWindow) }

// backOff spaces repeated requests.
type backOff struct {
	next  time.Time
	pause time.Duration
}

const longestRetryPause = 10 * time.Second

func (b *backOff) due() bool { return !time.Now().Before(b.next) }

func (b *backOff) wait() {
	b.pause = min(max(2*b.pause, tick), longestRetryPause)
	b.next = time.Now().Add(b.pause)
}
