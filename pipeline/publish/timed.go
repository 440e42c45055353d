package publish

import (
	"context"
	"time"

	"github.com/ringmeter/ringmeter/pipeline"
)

// longestAttempt bounds one attempt over a whole batch, however many calls it takes;
// single calls have deadlines of their own.
const longestAttempt = time.Minute

// timed gives every attempt an end, and counts and measures it.
type timed[T any] struct {
	next  pipeline.Publisher[T]
	tally *tally
}

func (t timed[T]) Publish(ctx context.Context, items []T) error {
	ctx, cancel := context.WithTimeout(ctx, longestAttempt)
	defer cancel()
	from := time.Now()
	err := t.next.Publish(ctx, items)
	t.tally.attempt(time.Since(from), err)
	return err
}
