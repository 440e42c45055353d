package memory

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/bus"
)

// receive has the topic for itself from its turn until it returns.
func (t *topic) receive(ctx context.Context, h bus.Handler) {
	select {
	case t.receiving <- struct{}{}:
	case <-ctx.Done():
		return
	}
	defer func() {
		t.putBack()
		<-t.receiving
	}()
	for {
		n := t.deliver(ctx, h)
		if n == 0 {
			return
		}
	}
}

// deliver hands out one batch until it is acknowledged and returns its length; zero means
// that the time to receive is over.
func (t *topic) deliver(ctx context.Context, h bus.Handler) int {
	limit := t.config.MaxBatch
	var pause *backoff.ExponentialBackOff // made for a batch that fails: most do not
	for {
		batch := &bus.Batch{Messages: t.next(ctx, limit)}
		n := len(batch.Messages)
		if n == 0 {
			return 0
		}
		err := call(ctx, h, batch)
		if err == nil {
			t.acknowledge(n, batch.Rejected())
			if pause != nil {
				t.log.Info("handler works again")
			}
			return n
		}
		if ctx.Err() != nil {
			return 0 // told to stop, which is no failure of the handler
		}
		t.putBack()
		limit = n // the same messages again, without those that came meanwhile
		if pause == nil {
			pause = newPause()
			t.log.Warn("handler does not take a batch, repeating it until it does", "err", err)
		}
		t.wait(ctx, pause)
	}
}

// newPause spaces the repetitions: 0.1 s at first, up to 30 s.
func newPause() *backoff.ExponentialBackOff {
	p := backoff.NewExponentialBackOff()
	p.InitialInterval = 100 * time.Millisecond
	p.MaxInterval = 30 * time.Second
	p.Multiplier = 2
	p.RandomizationFactor = 0.2
	return p
}

// wait pauses, and no longer than until Close: what is left of the time to drain must not
// be spent asleep.
func (t *topic) wait(ctx context.Context, pause *backoff.ExponentialBackOff) {
	closing := t.closed
	if t.isClosed() {
		closing = nil
	}
	timer := time.NewTimer(pause.NextBackOff())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-closing:
		pause.Reset()
	case <-ctx.Done():
	}
}

// call turns a panic of the handler into an error, so that it costs a repetition and not
// the process.
func call(ctx context.Context, h bus.Handler, b *bus.Batch) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handling batch: panic: %v\n%s", r, debug.Stack())
		}
	}()
	return h(ctx, b)
}
