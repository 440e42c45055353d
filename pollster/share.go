package pollster

import (
	"context"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// share is what the members of one group share in one cycle of a pollster: all of it, since
// any of it may have to be rescued.
type share struct {
	group  string
	found  []keyed // until the ledger is open
	member partition.Membership
	ledger partition.Ledger // nil until it is open

	items []item // by partition
	parts []part // those that hold something, by number

	covered   partition.Coverage // as last asked for
	complete  bool               // everybody has done everything
	unsettled []settlement
	retry     backOff // of own partitions that were not granted
	rescue    backOff
	rescuing  bool // it was logged
	loot      []int
	asked     time.Time // when it was last asked for more
}

// part is a partition and what has become of it.
type part struct {
	number      int
	first, last int // of its items, the second not included
	offset      time.Duration
	own         bool
	stage       stage
}

type stage uint8

const (
	untouched stage = iota
	refused         // own, and not granted when this worker asked
	done            // by this worker, or taken over from it since
	handedBack
)

// open opens the ledger once the group is there, and plans the own steps. It reports whether
// the ledger is open.
func (c *cycle) open(ctx context.Context, s *share) bool {
	if s.ledger != nil {
		return true
	}
	m, _ := c.config.Groups.current(s.group)
	if m == nil || !time.Now().Before(c.start.Add(c.interval)) {
		return false // the worker has come too late for this cycle
	}
	items, parts := arrange(s.found, m.Ring())
	l, err := m.Cycle(ctx, partition.Cycle{Source: c.ledger, Number: c.number, Interval: c.interval, Expected: len(parts)})
	if err != nil {
		if !stopping(ctx) {
			c.ledgerFailed("open", err)
		}
		return false
	}
	s.member, s.ledger, s.items, s.parts, s.found = m, l, items, parts, nil
	c.planOwn(s)
	return true
}

// arrange sorts resources by their partitions.
func arrange(found []keyed, ring *partition.Ring) ([]item, []part) {
	in := make([]int, len(found))
	ends := make([]int, ring.Settings().Partitions)
	for i := range found {
		in[i] = ring.Partition(found[i].key)
		ends[in[i]]++
	}
	var parts []part
	sum := 0
	for p, n := range ends {
		if n > 0 {
			parts = append(parts, part{number: p, first: sum, last: sum + n})
		}
		ends[p], sum = sum, sum+n
	}
	items := make([]item, len(found))
	for i := range found {
		items[ends[in[i]]] = found[i].item
		ends[in[i]]++
	}
	return items, slices.Clip(parts)
}

// planOwn finds out what this worker owns, and makes the steps of it.
func (c *cycle) planOwn(s *share) {
	ring, me := s.ledger.Ring(), c.config.Groups.config.Member.ID
	var own []int
	var offsets []time.Duration
	for i := range s.parts {
		p := &s.parts[i]
		owner, ok := ring.Owner(p.number)
		if c.plugin.PerResource {
			p.offset = time.Duration(ring.Slot(p.number, c.splay) * float64(c.interval))
		} else {
			p.offset = c.phaseOf(owner.ID)
		}
		if p.own = ok && owner.ID == me; !p.own {
			continue
		}
		own, offsets = append(own, i), append(offsets, p.offset)
		for _, it := range s.items[p.first:p.last] {
			c.count(it)
		}
	}
	c.showCounts()
	c.metrics.ownedPartitions.WithLabelValues(s.group).Set(float64(ring.Counts()[me]))
	switch {
	case len(own) == 0:
	case c.atOnce || !c.plugin.PerResource:
		c.add([]step{{offset: c.phase, share: s, parts: own}})
	default:
		c.add(spread(c, offsets, func(offset time.Duration, at []int) step {
			parts := make([]int, len(at))
			for i, n := range at {
				parts[i] = own[n]
			}
			return step{offset: offset, share: s, parts: parts}
		}))
	}
}

// take claims partitions, given by their positions, polls what was granted, and settles the
// claims.
func (c *cycle) take(ctx context.Context, s *share, why partition.Reason, parts []int) {
	work, cancel := c.working(ctx, c.limitOf(why))
	defer cancel()
	claims, outcomes := c.pollGranted(ctx, work, s, why, parts)
	if len(claims) > 0 {
		c.settle(work, s, claims, outcomes)
		c.publish()
	}
}

// pollGranted claims partitions once it is this pollster's turn, so that others can take
// what there is no time for here, and polls what was granted. It returns the claims with
// the best outcome of each, by partition.
func (c *cycle) pollGranted(ctx, work context.Context, s *share, why partition.Reason, parts []int) (map[int]partition.Claim, map[int]outcome) {
	if !c.task.enter(ctx, work) {
		return nil, nil
	}
	defer c.task.exit()
	claims := c.claim(ctx, s, why, parts)
	calls, of := s.calls(claims, c.wants)
	outcomes := make(map[int]outcome, len(claims))
	for p := range claims {
		if of[p] == 0 {
			outcomes[p] = finished // there is nothing to poll
		}
	}
	for _, one := range calls {
		became := c.poll(ctx, work, one)
		for _, cl := range one.claims {
			outcomes[cl.Partition] = max(outcomes[cl.Partition], became)
		}
	}
	return claims, outcomes
}

// limitOf is when polls for a reason must be over.
func (c *cycle) limitOf(why partition.Reason) time.Time {
	switch {
	case c == c.previous:
		return c.closing()
	case why == partition.Own:
		return c.limit
	}
	return c.start.Add(c.interval)
}

// calls makes calls of the items of partitions, one for each routing. of is the number of
// calls that a partition is in.
func (s *share) calls(claims map[int]partition.Claim, wants func(item) bool) (calls []*call, of map[int]int) {
	byRouting := map[routing]*call{}
	of = make(map[int]int, len(claims))
	for _, p := range s.parts {
		cl, ok := claims[p.number]
		if !ok {
			continue
		}
		for _, it := range s.items[p.first:p.last] {
			if !wants(it) {
				continue
			}
			to := byRouting[it.routing]
			if to == nil {
				to = &call{routing: it.routing, ledger: s.ledger}
				byRouting[it.routing] = to
				calls = append(calls, to)
			}
			to.items = append(to.items, it)
			if n := len(to.claims); n == 0 || to.claims[n-1] != cl {
				to.claims = append(to.claims, cl)
				of[p.number]++
			}
		}
	}
	return calls, of
}
