package pollster

import (
	"context"
	"fmt"
	"iter"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
)

// Pollster turns resources into samples.
type Pollster interface {
	// Poll reads rs and yields their samples. An error concerns one resource (or, as
	// *PermanentError, those it names); the sequence goes on after it. Timestamp, id,
	// source and signature are the caller's. Poll returns soon after ctx ends or after
	// yield has returned false.
	Poll(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error]
}

// Meter describes one meter that a plugin yields.
type Meter struct {
	Name string
	Type metering.Type
	Unit string
	Help string // one line for people: what is measured
}

// Plugin is one row of the table of pollsters: data, not methods, so that it can be
// listed and documented without anything to poll.
type Plugin struct {
	Name        string // matched by polling.yaml beside the meters' own names
	Discovery   string // default discovery, "name" or "name:param"
	Namespaces  []string
	Meters      []Meter
	PerResource bool // costs a call per resource, so it is spread over the cycle
	New         func() (Pollster, error)
}

// Writer takes samples off the poller's hands.
type Writer interface {
	// Write returns nil when every sample is safe elsewhere. claims is nil for sources
	// that are not divided among workers. Samples belong to the caller again afterwards.
	Write(ctx context.Context, claims []partition.Claim, samples []metering.Sample) error
}

// PermanentError is yielded by a Pollster for resources that will never work; they are
// not polled again by this pollster and source until the configuration is reloaded.
type PermanentError struct {
	Resources []discovery.Resource
	Err       error
}

func (e *PermanentError) Error() string {
	return fmt.Sprintf("%d resources will not be polled again: %v", len(e.Resources), e.Err)
}

// Unwrap gives the reason.
func (e *PermanentError) Unwrap() error { return e.Err }

// Bind makes a Pollster of a function over one concrete resource type: the one place
// where resources are asserted. A resource of another type yields an error for itself.
func Bind[R discovery.Resource](poll func(context.Context, []R) iter.Seq2[metering.Sample, error]) Pollster {
	return bound[R](poll)
}

type bound[R discovery.Resource] func(context.Context, []R) iter.Seq2[metering.Sample, error]

func (poll bound[R]) Poll(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
	return func(yield func(metering.Sample, error) bool) {
		typed := make([]R, 0, len(rs))
		for _, r := range rs {
			t, ok := r.(R)
			if !ok {
				var want R
				if !yield(metering.Sample{}, fmt.Errorf("resource %q is a %T, want %T", r.ResourceKey(), r, want)) {
					return
				}
				continue
			}
			typed = append(typed, t)
		}
		if len(typed) > 0 {
			poll(ctx, typed)(yield)
		}
	}
}
