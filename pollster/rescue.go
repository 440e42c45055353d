package pollster

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// rescueGone polls what members have left behind who were there when the cycle began, and
// are gone: what falls to this worker by the newest ring, once its slots have passed.
func (c *cycle) rescueGone(ctx context.Context, s *share) {
	newest, pinned := s.member.Ring(), s.ledger.Ring()
	if newest.View().Epoch <= pinned.View().Epoch {
		return // news takes until the next heartbeat
	}
	gone := departed(pinned, newest)
	if len(gone) == 0 && len(pinned.View().Members) > 0 {
		return
	}
	now, me := time.Now(), c.config.Groups.config.Member.ID
	left := s.where(func(p *part) bool {
		if p.own || p.stage != untouched {
			return false
		}
		if owner, ok := pinned.Owner(p.number); ok && !gone[owner.ID] {
			return false
		}
		heir, ok := newest.Owner(p.number)
		if !ok || heir.ID != me {
			return false
		}
		if at := c.start.Add(p.offset); c.plugin.PerResource && now.Before(at) {
			c.again(later(at, now.Add(tick))) // some at a time
			return false
		}
		return true
	})
	if len(left) == 0 {
		return
	}
	if !s.rescue.due() {
		c.again(s.rescue.next)
		return
	}
	if s.rescue.pause > 0 { // somebody else may have done it
		if c.coverage(ctx, s); s.complete {
			return
		}
	}
	if !s.rescuing {
		s.rescuing = true
		c.log.Info("rescuing partitions of members that are gone", "group", s.group, "cycle", c.number,
			"members", slices.Sorted(maps.Keys(gone)), "count", len(left))
	}
	for chunk := range slices.Chunk(left, c.chunk(len(left), claimBatch)) {
		c.take(ctx, s, partition.Rescue, chunk)
		if !c.mayGoOn(ctx) {
			break
		}
	}
	s.rescue.wait()
	c.again(s.rescue.next)
}

// departed are the members of one ring that are not in the other.
func departed(from, to *partition.Ring) map[string]bool {
	gone := map[string]bool{}
	for _, m := range from.View().Members {
		gone[m.ID] = true
	}
	for _, m := range to.View().Members {
		delete(gone, m.ID)
	}
	return gone
}

// chunk is how many of n partitions to poll at a time: all of them in one call if that is
// as cheap as one.
func (c *cycle) chunk(n, most int) int {
	if c.plugin.PerResource {
		return min(n, most)
	}
	return n
}

// mayGoOn makes the own steps that are due meanwhile, and reports whether there is time for
// more than that: not when Run ends, or the next cycle is due.
func (c *cycle) mayGoOn(ctx context.Context) bool {
	for ctx.Err() == nil && c.current.stepDue(time.Now()) {
		c.current.nextStep(ctx)
	}
	return ctx.Err() == nil && !c.stuck.Load() && time.Now().Before(c.current.start.Add(c.interval))
}
