package pollster

import (
	"context"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	stealFrom  = 0.85            // of a cycle that must be over before others' work is taken
	stealBatch = 32              // partitions at a time, so that there is some for everybody
	stealPause = 3 * time.Second // between questions
	askBatch   = 1024            // partitions in one question
)

// steal takes over, late in the cycle, what nobody has begun or somebody has handed back.
// After the end it takes only what others were to do.
func (c *cycle) steal(ctx context.Context, s *share, over bool) {
	if from := c.start.Add(time.Duration(stealFrom * float64(c.interval))); time.Now().Before(from) {
		c.again(from)
		return
	}
	if !over && len(c.steps) > 0 || c.config.Groups.config.Member.Weight == 0 {
		c.again(time.Now().Add(tick))
		return
	}
	if len(s.loot) == 0 && !c.ask(ctx, s, over) {
		return
	}
	n := min(len(s.loot), stealBatch)
	batch := s.loot[:n]
	s.loot = s.loot[n:]
	if n > 0 {
		c.take(ctx, s, partition.Steal, batch)
	}
	if len(s.loot) > 0 {
		c.again(time.Now())
	} else {
		c.again(s.asked.Add(stealPause))
	}
}

// ask finds out what could be stolen and reports whether there is anything.
func (c *cycle) ask(ctx context.Context, s *share, over bool) bool {
	if at := s.asked.Add(stealPause); time.Now().Before(at) {
		c.again(at)
		return false
	}
	alone := len(s.member.Ring().View().Members) <= 1 && len(s.ledger.Ring().View().Members) <= 1
	if alone && (over || len(s.where(func(p *part) bool { return p.stage == handedBack })) == 0) {
		return false
	}
	s.asked = time.Now()
	c.again(s.asked.Add(stealPause))
	if !over {
		if c.coverage(ctx, s); s.complete {
			return false
		}
	}
	among := s.where(func(p *part) bool {
		return p.stage != done && (!over || !p.own && p.stage != handedBack) && !s.asked.Before(c.start.Add(p.offset))
	})
	// Thieves begin at different places.
	first := int(fraction(c.config.Groups.config.Member.ID) * float64(len(among)))
	among = slices.Concat(among[first:], among[:first])
	for chunk := range slices.Chunk(among, askBatch) {
		numbers := make([]int, len(chunk))
		for i, at := range chunk {
			numbers[i] = s.parts[at].number
		}
		free, err := s.ledger.Unfinished(ctx, numbers...)
		if err != nil {
			if !stopping(ctx) {
				c.ledgerFailed("unfinished", err)
			}
			return false
		}
		for _, number := range free {
			s.loot = append(s.loot, s.position(number))
		}
	}
	return len(s.loot) > 0
}
