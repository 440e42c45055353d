package pollster

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
)

var (
	// errFenced is why samples are not published.
	errFenced = errors.New("claims have passed to another worker")
	// errUnsure is why they are not published yet.
	errUnsure = errors.New("claims may have passed to another worker")
)

// call is what one call of a pollster is about: items with one routing, and the claims
// that cover them if they are divided.
type call struct {
	routing
	items  []item
	ledger partition.Ledger // nil when they are not divided
	claims []partition.Claim
}

// outcome is what became of a call.
type outcome uint8

const (
	unpolled outcome = iota
	failed           // and nothing was written
	finished         // or as much of it as there will be
)

// poll makes one call of the pollster and writes what it yields. It begins nothing once
// ctx has ended, but what it has begun may go on until work ends.
func (c *cycle) poll(ctx, work context.Context, one *call) outcome {
	if ctx.Err() != nil || work.Err() != nil || c.stuck.Load() {
		return unpolled
	}
	rs := make([]discovery.Resource, len(one.items))
	for i, it := range one.items {
		rs[i] = it.resource
	}
	begun := time.Now()
	p := &poll{
		routes: c.routesOf(one.routing), cycle: c.number, stamp: metering.FormatTime(now(c.task.clock)), source: c.config.SampleSource,
		size: c.config.BatchSize, pool: c.task.batches, hangs: c.hangs, failed: c.pollFailed,
		full: make(chan *batch, 1), quit: make(chan struct{}),
		batch: c.task.batches.Get().(*batch), repeats: c.takeRepeats(),
	}
	running, cancel := context.WithCancel(work)
	defer cancel()
	go p.run(running, c.pollster, rs)
	w := writing{cycle: c, call: one, work: work, stop: cancel}
	w.consume(running, p)

	p.mu.Lock()
	r := p.result
	if p.ended {
		c.keepRepeats(p.repeats)
		p.pool.Put(p.batch)
	}
	p.mu.Unlock()
	if w.written > 0 && c == c.current {
		c.remember(one.set, one.items)
	}
	c.account(work, one.set, r, &w, time.Since(begun))
	switch {
	case w.written > 0:
		return finished
	case w.lost > 0, w.fenced > 0, r.stuck, r.panicked, work.Err() != nil, r.samples == 0 && r.errs > r.lasting:
		return failed
	}
	return finished
}

// writing is the writing of what one call yields, and what became of the samples.
type writing struct {
	*cycle
	call                  *call
	work                  context.Context //nolint:containedctx // of one call of poll, within which it lives
	stop                  func()          // ends the poll
	written, lost, fenced int
}

// consume writes the batches of p until it has ended or, some time after ctx, is
// abandoned.
func (w *writing) consume(ctx context.Context, p *poll) {
	last, cancel := outlast(w.work, lastWrite)
	defer cancel()
	over := ctx.Done()
	var giveUp <-chan time.Time
	for {
		select {
		case b, open := <-p.full:
			if !open {
				return
			}
			w.write(last, b)
		case <-over:
			over = nil
			timer := time.NewTimer(grace)
			defer timer.Stop()
			giveUp = timer.C
		case <-giveUp:
			for _, b := range p.abandon() {
				w.write(last, b)
			}
			return
		}
	}
}

// write writes a batch, unless the claims no longer cover it; last bounds each attempt.
func (w *writing) write(last context.Context, b *batch) {
	var err error
	if w.fenced > 0 {
		err = errFenced
	} else {
		err = b.write(w.work, last, w.attempt, func(err error) {
			w.metrics.writeRetries.Inc()
			if w.polling.bad("write") {
				w.log.Warn("samples cannot be written; trying again until the end of the cycle", "cycle", w.number, "err", err)
			}
		})
	}
	n := len(b.samples)
	count := func(c *meterCounters) { c.written.Inc() }
	switch {
	case err == nil:
		w.written += n
	case errors.Is(err, errFenced), errors.Is(err, errUnsure):
		if w.fenced == 0 {
			w.tally.fail(err)
			w.stop()
		}
		w.fenced += n
		count = func(c *meterCounters) { c.fenced.Inc() }
		if w.polling.bad("fence") {
			w.log.Warn("samples are not published, as another worker may poll the same", "cycle", w.number, "err", err)
		}
	default:
		w.lost += n
		count = func(c *meterCounters) { c.lost.Inc() }
		if w.polling.bad("loss") {
			w.log.Error("samples are lost", "cycle", w.number, "count", n, "err", err)
		}
		w.tally.fail(err)
	}
	for _, counters := range b.counts {
		count(counters)
	}
	b.reset()
	w.task.batches.Put(b)
}

// attempt writes samples once if that is still allowed.
func (w *writing) attempt(ctx context.Context, samples []metering.Sample) error {
	if w.call.ledger != nil {
		err := w.call.ledger.Check(ctx, w.call.claims...)
		switch {
		case errors.Is(err, partition.ErrNotHeld), errors.Is(err, partition.ErrReplaced), errors.Is(err, partition.ErrLeft):
			return fmt.Errorf("%w: %w", errFenced, err)
		case err != nil:
			return fmt.Errorf("%w: %w", errUnsure, err)
		}
	}
	return w.config.Writer.Write(ctx, w.call.claims, samples)
}

// batchPool makes the pool that the pollsters of a Scheduler share.
func batchPool(size int) *sync.Pool {
	return &sync.Pool{New: func() any {
		return &batch{samples: make([]metering.Sample, 0, size), counts: make([]*meterCounters, 0, size)}
	}}
}
