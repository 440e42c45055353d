package pollster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// claimBatch is how many partitions a request names: each request blocks the coordinator for
// a moment.
const claimBatch = 256

// claim asks for partitions, given by their positions, and returns what was granted by
// number. Own ones that were not are marked.
func (c *cycle) claim(ctx context.Context, s *share, why partition.Reason, parts []int) map[int]partition.Claim {
	ctx, cancel := context.WithDeadline(ctx, later(c.limitOf(why), time.Now().Add(leastPoll)))
	defer cancel()
	granted := map[int]partition.Claim{}
	for chunk := range slices.Chunk(parts, claimBatch) {
		numbers := make([]int, len(chunk))
		for i, at := range chunk {
			numbers[i] = s.parts[at].number
		}
		claims, err := s.ledger.Claim(ctx, why, numbers...)
		if err != nil && !stopping(ctx) {
			c.ledgerFailed("claim", err)
		}
		for _, cl := range claims {
			granted[cl.Partition] = cl
		}
	}
	now := time.Now()
	for _, at := range parts {
		p := &s.parts[at]
		if _, ok := granted[p.number]; !ok {
			if why == partition.Own {
				p.stage = refused
				c.again(now.Add(tick))
			}
			continue
		}
		p.stage = untouched
		if !c.atOnce {
			c.metrics.lateness.Observe(max(now.Sub(c.start.Add(p.offset)), 0).Seconds())
		}
	}
	if len(granted) > 0 {
		c.metrics.partitionsPolled.WithLabelValues(word(why)).Add(float64(len(granted)))
	}
	return granted
}

// word names a reason in metrics.
func word(why partition.Reason) string {
	switch why {
	case partition.Own:
		return "own"
	case partition.Rescue:
		return "rescue"
	case partition.Steal:
		return "steal"
	}
	return "unknown"
}

// settlement is claims to be finished or handed back.
type settlement struct {
	claims   []partition.Claim
	finished bool
}

// settle finishes the claims of which something was written, or of which there is nothing,
// and hands back the others.
func (c *cycle) settle(ctx context.Context, s *share, claims map[int]partition.Claim, outcomes map[int]outcome) {
	var finish, release []partition.Claim
	for _, number := range slices.Sorted(maps.Keys(claims)) {
		p := &s.parts[s.position(number)]
		if outcomes[number] == finished {
			p.stage = done
			finish = append(finish, claims[number])
		} else {
			p.stage = handedBack
			release = append(release, claims[number])
		}
	}
	c.metrics.handbacks.Add(float64(len(release)))
	for chunk := range slices.Chunk(finish, claimBatch) {
		s.unsettled = append(s.unsettled, settlement{chunk, true})
	}
	for chunk := range slices.Chunk(release, claimBatch) {
		s.unsettled = append(s.unsettled, settlement{chunk, false})
	}
	c.settleAll(ctx, s)
	if len(s.unsettled) > 0 {
		c.again(time.Now().Add(tick))
	}
}

// settleAll makes the requests that are left. Those that fail are made again later.
func (c *cycle) settleAll(ctx context.Context, s *share) {
	ctx, cancel := outlast(ctx, lastSettle)
	defer cancel()
	s.unsettled = slices.DeleteFunc(s.unsettled, func(one settlement) bool {
		request, make := "release", s.ledger.Release
		if one.finished {
			request, make = "done", s.ledger.Done
		}
		err := make(ctx, one.claims...)
		if err != nil {
			c.ledgerFailed(request, err)
		}
		return err == nil || errors.Is(err, partition.ErrNotHeld)
	})
}

// position finds a partition by its number.
func (s *share) position(number int) int {
	at, _ := slices.BinarySearchFunc(s.parts, number, func(p part, number int) int { return p.number - number })
	return at
}
