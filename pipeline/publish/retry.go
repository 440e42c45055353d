package publish

import (
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// permanentError marks what will never be taken, however often it is sent.
type permanentError struct {
	err  error
	code int // of an HTTP answer; 0: there is none
}

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// permanent marks err as one that trying again does not cure; nil stays nil.
func permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err: err}
}

// delayedError carries the time after which the other side wants to be asked again.
type delayedError struct {
	err   error
	after time.Duration
}

func (e *delayedError) Error() string { return fmt.Sprintf("%v (asks to wait %s)", e.err, e.after) }
func (e *delayedError) Unwrap() error { return e.err }

// partialError says what of a batch has not been delivered, where that is not all of it.
type partialError[T any] struct {
	retry   []T // to be sent again
	refused []T // never to be sent again
	err     error
}

func (e *partialError[T]) Error() string { return e.err.Error() }
func (e *partialError[T]) Unwrap() error { return e.err }

// undelivered says what of items is to be sent again after err, and what never.
func undelivered[T any](items []T, err error) (retry, refused []T) {
	if err == nil {
		return nil, nil
	}
	if part, ok := errors.AsType[*partialError[T]](err); ok {
		return part.retry, part.refused
	}
	if _, ok := errors.AsType[*permanentError](err); ok {
		return nil, items
	}
	return items, nil
}

// Pauses between attempts: from a tenth of a second to half a minute, doubled each time,
// half of it more or less so that many pollers do not come back at once.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	longestDelay = 10 * time.Minute // that another side can ask for
)

func newPauses() *backoff.ExponentialBackOff {
	return &backoff.ExponentialBackOff{
		InitialInterval: firstPause, MaxInterval: longestPause, Multiplier: 2, RandomizationFactor: 0.5,
	}
}

// pause is how long to wait after err.
func pause(pauses backoff.BackOff, err error) time.Duration {
	next := pauses.NextBackOff()
	if delayed, ok := errors.AsType[*delayedError](err); ok {
		return max(next, min(delayed.after, longestDelay))
	}
	return next
}
