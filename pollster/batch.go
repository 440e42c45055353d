package pollster

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/metering"
)

// batch is samples on their way to the writer, and where each is counted.
type batch struct {
	samples []metering.Sample
	counts  []*meterCounters
}

func (b *batch) add(s *metering.Sample, c *meterCounters) {
	b.samples = append(b.samples, *s)
	b.counts = append(b.counts, c)
}

// reset empties b for the next use, and lets go of the texts.
func (b *batch) reset() {
	clear(b.samples)
	b.samples, b.counts = b.samples[:0], b.counts[:0]
}

// writeFunc makes one attempt at writing samples; errFenced means that there is no other.
type writeFunc func(ctx context.Context, samples []metering.Sample) error

// write writes b, again and again until ctx ends, and once more then; last ends soon after
// ctx and bounds each attempt. The error of the last attempt is returned.
func (b *batch) write(ctx, last context.Context, w writeFunc, retried func(error)) error {
	err := attempt(last, w, b.samples)
	if err == nil || errors.Is(err, errFenced) {
		return err
	}
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second,
		RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
	pause.Reset()
	for alive := ctx.Err() == nil; alive; {
		retried(err)
		alive = sleep(ctx, pause.NextBackOff())
		if err = attempt(last, w, b.samples); err == nil || errors.Is(err, errFenced) {
			return err
		}
	}
	return err
}

// attempt calls the writer; a panic of it is an error of this batch.
func attempt(ctx context.Context, w writeFunc, samples []metering.Sample) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("writing samples: panic: %v\n%s", r, debug.Stack())
		}
	}()
	if err = w(ctx, samples); err != nil {
		return fmt.Errorf("writing samples: %w", err)
	}
	return nil
}
