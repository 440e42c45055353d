package pollster

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
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

// write writes b, again and again until ctx ends, and once more then; last ends soon after
// ctx and bounds each attempt. The error of the last attempt is returned.
func (b *batch) write(ctx, last context.Context, w Writer, claims []partition.Claim, retried func(error)) error {
	err := attempt(last, w, claims, b.samples)
	if err == nil {
		return nil
	}
	pause := &backoff.ExponentialBackOff{
		InitialInterval: 100 * time.Millisecond, Multiplier: 2, MaxInterval: 5 * time.Second,
		RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
	pause.Reset()
	for alive := ctx.Err() == nil; alive; {
		retried(err)
		alive = sleep(ctx, pause.NextBackOff())
		if err = attempt(last, w, claims, b.samples); err == nil {
			return nil
		}
	}
	return err
}

// attempt calls the writer; a panic of it is an error of this batch.
func attempt(ctx context.Context, w Writer, claims []partition.Claim, samples []metering.Sample) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("writing samples: panic: %v\n%s", r, debug.Stack())
		}
	}()
	if err = w.Write(ctx, claims, samples); err != nil {
		return fmt.Errorf("writing samples: %w", err)
	}
	return nil
}
