package publish

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/ringmeter/ringmeter/pipeline"
)

// longestAttempt bounds one attempt over a whole batch, however many calls it takes;
// single calls have deadlines of their own.
const longestAttempt = time.Minute

// timed gives every attempt an end, and counts and measures it. A publisher that panics
// refuses the batch: it would do so again.
type timed[T any] struct {
	next  pipeline.Publisher[T]
	tally *tally
}

func (t timed[T]) Publish(ctx context.Context, items []T) error {
	ctx, cancel := context.WithTimeout(ctx, longestAttempt)
	defer cancel()
	from := time.Now()
	err := t.attempt(ctx, items)
	t.tally.attempt(time.Since(from), err)
	return err
}

func (t timed[T]) attempt(ctx context.Context, items []T) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = permanent(fmt.Errorf("publisher panicked: %v\n%s", r, debug.Stack()))
		}
	}()
	return t.next.Publish(ctx, items)
}
