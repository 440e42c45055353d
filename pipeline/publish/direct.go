package publish

import (
	"context"
	"sync/atomic"

	"github.com/ringmeter/ringmeter/pipeline"
)

// direct is what stands before a local publisher, which needs no queue: an error is the
// caller's, who brings the batch again.
type direct[T any] struct {
	next   pipeline.Publisher[T]
	tally  *tally
	show   func(*T) string // for people
	closed atomic.Bool
	stop   chan struct{}
}

func newDirect[T any](next pipeline.Publisher[T], show func(*T) string, t *tally) *direct[T] {
	return &direct[T]{next: next, show: show, tally: t, stop: make(chan struct{})}
}

// Publish implements pipeline.Publisher.
func (d *direct[T]) Publish(ctx context.Context, batch []T) error {
	if len(batch) == 0 {
		return nil
	}
	if d.closed.Load() {
		return ErrClosed
	}
	err := d.next.Publish(ctx, batch)
	retry, refused := undelivered(batch, err)
	switch {
	case len(retry) > 0:
		d.tally.enter(pipeline.StateRetrying, err)
		return err
	case len(refused) > 0:
		d.tally.enter(pipeline.StateFailing, err)
		d.tally.setAside(reasonRefused, len(refused), err, d.show(&refused[0]))
	default:
		d.tally.enter(pipeline.StateOK, nil)
	}
	d.tally.delivered(len(batch) - len(refused))
	return nil
}

// Status implements pipeline.Reporter.
func (d *direct[T]) Status() pipeline.PublisherStatus { return d.tally.snapshot() }

// close makes Publish refuse. It does not wait for one that has begun: that may hang.
func (d *direct[T]) close() {
	if !d.closed.Swap(true) {
		close(d.stop)
		d.tally.enter(pipeline.StateClosed, nil)
	}
}

// run waits until it is closed.
func (d *direct[T]) run(ctx context.Context) int {
	select {
	case <-d.stop:
	case <-ctx.Done():
	}
	return 0
}
