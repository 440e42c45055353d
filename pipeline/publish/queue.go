package publish

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/pipeline"
)

// ErrClosed is returned by Publish once a publisher has been closed.
var ErrClosed = errors.New("publisher is closed")

// patience is how long Publish waits for a delivery before it leaves the batch to the
// queue.
const patience = time.Second

// entryOverhead is the memory of a batch beside its items, in bytes.
const entryOverhead = 256

// items says how a queue handles what it holds.
type items[T any] struct {
	keep func([]T) []T   // copies
	size func(*T) int    // bytes of memory
	show func(*T) string // for people
}

// queue delivers batches one after the other, in order, in a goroutine of its own: run.
// Waiting for the next attempt is the queue's job and not a wrapper's, because the batch
// that waits can be the oldest, which has to go when there are too many.
type queue[T any] struct {
	next   pipeline.Publisher[T]
	items  items[T]
	policy policy
	tally  *tally

	wake chan struct{} // there is an entry; capacity 1
	stop chan struct{} // closed when nothing more comes

	mu       sync.Mutex
	entries  []*entry[T] // oldest first
	bytes    int
	busy     bool // the first entry is being sent
	failing  bool // the last attempt failed
	stalled  bool // somebody waited in vain and nothing at all moved
	moved    int  // attempts that delivered something
	overflow int  // items lost since the queue was last empty
	closed   bool
}

// entry is one batch, or what is left of it.
type entry[T any] struct {
	items    []T
	bytes    int
	at       time.Time
	attempts int // since something of it was delivered
	settled  chan struct{}
}

func newQueue[T any](next pipeline.Publisher[T], it items[T], p policy, t *tally) *queue[T] {
	return &queue[T]{next: next, items: it, policy: p, tally: t,
		wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// Publish implements pipeline.Publisher. It returns nil when items are delivered or
// given up, or else when they are in the queue: after patience has run out or ctx has
// ended, and at once when the publisher is known to fail or to hang.
func (q *queue[T]) Publish(ctx context.Context, batch []T) error {
	if len(batch) == 0 {
		return nil
	}
	e := &entry[T]{items: q.items.keep(batch), at: time.Now(), settled: make(chan struct{})}
	e.bytes = q.sizeOf(e.items)
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return ErrClosed
	}
	q.entries = append(q.entries, e)
	q.bytes += e.bytes
	q.trim()
	wait, before := !q.failing && !q.stalled, q.moved
	q.mu.Unlock()
	signal(q.wake)
	if !wait {
		return nil
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-e.settled:
	case <-ctx.Done():
	case <-timer.C:
		q.mu.Lock()
		q.stalled = q.stalled || q.moved == before
		q.mu.Unlock()
	}
	return nil
}

func (q *queue[T]) sizeOf(batch []T) int {
	n := entryOverhead
	for i := range batch {
		n += q.items.size(&batch[i])
	}
	return n
}

func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// trim drops the oldest entries while there is more than may wait. The entry that is
// being sent is left alone; when that fails, trim is called again. A single entry stays
// whatever its size, or it could never be delivered.
func (q *queue[T]) trim() {
	from, bytes := 0, q.bytes
	if q.busy {
		from, bytes = 1, q.bytes-q.entries[0].bytes
	}
	for n := len(q.entries) - from; n > 1; n = len(q.entries) - from {
		if (q.policy.entries == 0 || n <= q.policy.entries) && bytes <= q.policy.bytes {
			return
		}
		oldest := q.entries[from]
		bytes -= oldest.bytes
		q.remove(from)
		q.tally.drop(reasonOverflow, len(oldest.items))
		if q.overflow == 0 {
			q.tally.logger.Error("queue is full; its oldest samples are dropped",
				"entries", len(q.entries), "bytes", q.bytes)
		}
		q.overflow += len(oldest.items)
	}
}

// remove takes entry i out; who waits for it may go.
func (q *queue[T]) remove(i int) {
	e := q.entries[i]
	q.bytes -= e.bytes
	q.entries = slices.Delete(q.entries, i, i+1)
	close(e.settled)
	if len(q.entries) == 0 && q.overflow > 0 {
		q.tally.logger.Warn("queue is empty again; samples were dropped before", "samples", q.overflow)
		q.overflow = 0
	}
}

// close makes Publish refuse; run delivers what is left and returns.
func (q *queue[T]) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		q.closed = true
		close(q.stop)
	}
}

// run delivers until the queue is closed and empty, or until ctx ends. It returns how
// many items it leaves undelivered.
func (q *queue[T]) run(ctx context.Context) int {
	pauses := newPauses()
	for {
		e := q.take(ctx)
		if e == nil {
			return q.abandon()
		}
		err := q.next.Publish(ctx, e.items)
		q.sleep(ctx, q.settle(e, err, pauses))
	}
}

// take waits for the oldest entry and marks it as being sent.
func (q *queue[T]) take(ctx context.Context) *entry[T] {
	for ctx.Err() == nil {
		q.mu.Lock()
		if len(q.entries) > 0 {
			q.busy = true
			e := q.entries[0]
			q.mu.Unlock()
			return e
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil
		}
		select {
		case <-q.wake:
		case <-q.stop:
		case <-ctx.Done():
		}
	}
	return nil
}

// settle books the outcome of an attempt on e, the oldest entry, and returns how long to
// wait before the next attempt.
func (q *queue[T]) settle(e *entry[T], err error, pauses backoff.BackOff) time.Duration {
	retry, refused := undelivered(e.items, err)
	arrived := len(e.items) - len(retry) - len(refused)
	if arrived > 0 {
		q.tally.delivered(arrived)
	}
	if len(refused) > 0 {
		q.tally.setAside(reasonRefused, len(refused), err, q.items.show(&refused[0]))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy = false
	if arrived+len(refused) > 0 {
		q.moved++
		q.stalled = false
		e.attempts = 0
		pauses.Reset()
	}
	q.failing = len(retry) > 0
	if !q.failing {
		q.remove(0)
		if len(refused) > 0 {
			q.tally.enter(pipeline.StateFailing, err)
		} else {
			q.tally.enter(pipeline.StateOK, nil)
		}
		return 0
	}
	q.bytes -= e.bytes
	e.items, e.bytes = retry, q.sizeOf(retry)
	q.bytes += e.bytes
	if e.attempts++; q.policy.attempts > 0 && e.attempts >= q.policy.attempts {
		q.tally.enter(pipeline.StateFailing, err)
		q.tally.setAside(reasonAttempts, len(retry), err, q.items.show(&retry[0]))
		q.remove(0)
		if q.policy.attempts == 1 {
			return 0
		}
	} else {
		q.tally.enter(pipeline.StateRetrying, err)
		q.trim()
	}
	return pause(pauses, err)
}

// sleep waits; the beginning of the end cuts it short, for one early attempt.
func (q *queue[T]) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	stop := q.stop
	select {
	case <-stop:
		stop = nil // it has already been cut short
	default:
	}
	select {
	case <-timer.C:
	case <-stop:
	case <-ctx.Done():
	}
}

// abandon gives up what is left.
func (q *queue[T]) abandon() int {
	q.close()
	q.mu.Lock()
	defer q.mu.Unlock()
	lost := 0
	for len(q.entries) > 0 {
		lost += len(q.entries[0].items)
		q.remove(0)
	}
	if lost > 0 {
		q.tally.drop(reasonShutdown, lost)
	}
	q.tally.enter(pipeline.StateClosed, nil)
	return lost
}

// Status implements pipeline.Reporter.
func (q *queue[T]) Status() pipeline.PublisherStatus {
	st := q.tally.snapshot()
	q.mu.Lock()
	defer q.mu.Unlock()
	st.QueueEntries, st.QueueBytes = len(q.entries), q.bytes
	if len(q.entries) > 0 {
		st.QueueOldest = q.entries[0].at
	}
	return st
}
