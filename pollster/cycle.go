package pollster

import (
	"context"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
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

// cycle is one run of one pollster. Only the goroutine of its job uses it.
type cycle struct {
	*job
	number   int64
	start    time.Time // when it was due, on the monotonic clock
	deadline time.Time // when the next one is due
	atOnce   bool      // do not wait for slots
	share    *share    // nil when nothing is divided
	tally    tally
}

// tally is what a run came to.
type tally struct {
	resources, samples, lost, errs, polls int
	first                                 error
}

// run polls what the plan says, step by step.
func (c *cycle) run(ctx context.Context) {
	steps := c.plan(ctx)
	for _, s := range steps {
		if !c.atOnce && !sleep(ctx, time.Until(c.start.Add(s.offset))) {
			return
		}
		if c.tally.polls > 0 && !time.Now().Before(c.deadline) {
			return // also the case when one is stuck
		}
		c.step(ctx, s.items)
	}
}

// step claims the partitions of items, polls what was granted, and settles the claims.
func (c *cycle) step(ctx context.Context, items []item) {
	ctx, cancel := context.WithDeadline(ctx, later(c.deadline, time.Now().Add(leastPoll)))
	defer cancel()
	claims := c.claim(ctx, items)
	unfinished := map[int]bool{}
	for key, group := range groups(items, claims) {
		if c.pollGroup(ctx, key, group, claims) {
			continue
		}
		for _, it := range group {
			if !it.local { // those have no partition
				unfinished[it.partition] = true
			}
		}
	}
	c.settle(ctx, claims, unfinished)
}

// groupKey tells apart resources that are polled by different calls.
type groupKey struct {
	routing
	local bool
}

// groups yields the items to poll together, leaving out those without a claim.
func groups(items []item, claims map[int]partition.Claim) func(func(groupKey, []item) bool) {
	byKey := map[groupKey][]item{}
	var order []groupKey
	for _, it := range items {
		if _, granted := claims[it.partition]; !it.local && !granted {
			continue
		}
		key := groupKey{it.routing, it.local}
		if byKey[key] == nil {
			order = append(order, key)
		}
		byKey[key] = append(byKey[key], it)
	}
	return func(yield func(groupKey, []item) bool) {
		for _, key := range order {
			if !yield(key, byKey[key]) {
				return
			}
		}
	}
}

// pollGroup makes one call of the pollster and writes what it yields. It reports whether
// everything was polled and written.
func (c *cycle) pollGroup(ctx context.Context, key groupKey, group []item, claims map[int]partition.Claim) bool {
	if !c.task.enter(ctx) {
		return false
	}
	defer c.task.exit()
	if ctx.Err() != nil {
		return false // also the case when one is stuck
	}
	var held []partition.Claim
	if !key.local {
		held = claimsOf(group, claims)
	}
	rs := make([]discovery.Resource, len(group))
	for i, it := range group {
		rs[i] = it.resource
	}
	begun := time.Now()
	p := &poll{
		routes: c.routesOf(key.routing), cycle: c.number, stamp: metering.FormatTime(c.task.wall()), source: c.config.SampleSource,
		size: c.config.BatchSize, pool: c.task.batches, hangs: c.hangs, failed: c.pollFailed,
		full: make(chan *batch, 1), quit: make(chan struct{}),
		batch: c.task.batches.Get().(*batch), repeats: c.takeRepeats(),
	}
	go p.run(ctx, c.pollster, rs)
	lost := c.consume(ctx, p, held)

	p.mu.Lock()
	r := p.result
	if p.ended {
		c.keepRepeats(p.repeats)
		p.pool.Put(p.batch)
	}
	p.mu.Unlock()
	if r.samples > 0 {
		c.remember(key.set, group)
	}
	c.account(ctx, key.set, r, lost, time.Since(begun))
	return lost == 0 && !r.stuck && !r.panicked && ctx.Err() == nil
}

// consume writes the batches of p until it has ended or, some time after ctx, is
// abandoned. It returns how many samples could not be written.
func (c *cycle) consume(ctx context.Context, p *poll, claims []partition.Claim) (lost int) {
	last, cancel := outlast(ctx, lastWrite)
	defer cancel()
	over := ctx.Done()
	var giveUp <-chan time.Time
	for {
		select {
		case b, open := <-p.full:
			if !open {
				return lost
			}
			lost += c.write(ctx, last, b, claims)
		case <-over:
			over = nil
			timer := time.NewTimer(grace)
			defer timer.Stop()
			giveUp = timer.C
		case <-giveUp:
			for _, b := range p.abandon() {
				lost += c.write(ctx, last, b, claims)
			}
			return lost
		}
	}
}

// write writes a batch and returns how many of its samples are lost.
func (c *cycle) write(ctx, last context.Context, b *batch, claims []partition.Claim) (lost int) {
	err := b.write(ctx, last, c.config.Writer, claims, func(err error) {
		c.metrics.writeRetries.Inc()
		if c.polling.bad("write") {
			c.log.Warn("samples cannot be written; trying again until the end of the cycle", "cycle", c.number, "err", err)
		}
	})
	if err != nil {
		lost = len(b.samples)
		if c.polling.bad("loss") {
			c.log.Error("samples are lost", "cycle", c.number, "count", lost, "err", err)
		}
		c.tally.fail(err)
	}
	for _, counts := range b.counts {
		if err != nil {
			counts.lost.Inc()
		} else {
			counts.written.Inc()
		}
	}
	b.reset()
	c.task.batches.Put(b)
	return lost
}

func (t *tally) fail(err error) {
	t.errs++
	if t.first == nil {
		t.first = err
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// batchPool makes the pool that the pollsters of a Scheduler share.
func batchPool(size int) *sync.Pool {
	return &sync.Pool{New: func() any {
		return &batch{samples: make([]metering.Sample, 0, size), counts: make([]*meterCounters, 0, size)}
	}}
}
