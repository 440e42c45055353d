// Package publishtest is the conformance suite of publishers: what a pipeline relies on,
// whatever the scheme. It does not look at wire forms.
package publishtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

// Endpoint is the other side of a publisher.
type Endpoint struct {
	URL string
	// Break makes every attempt fail until Mend; both nil for an endpoint that cannot.
	Break, Mend func()
	// Resources are the resource ids of all samples that have arrived, in order, once
	// there are at least n.
	Resources func(n int) []string
	// Unordered: the samples of one batch may arrive in any order.
	Unordered bool
	// Local: there is no queue, so a failure is the caller's.
	Local bool
}

// Run runs the suite; start makes a new endpoint for each test. env has no Logger.
func Run(t *testing.T, env publish.Env, start func(*testing.T) Endpoint) {
	t.Run("delivers all in order", func(t *testing.T) {
		e := start(t)
		s := open(t, env, e)
		for i := range 20 {
			s.publish(t, i, 3)
		}
		s.wantNothingLost(t)
		e.want(t, 20, 3)
	})
	t.Run("shares by URL", func(t *testing.T) {
		e := start(t)
		s := open(t, env, e)
		if again, err := s.set.Open(e.URL); err != nil || again != s.publisher {
			t.Errorf("Open again = %v, %v, want the same publisher", again, err)
		}
		s.set.Retain([]string{e.URL})
		s.publish(t, 0, 1)
		s.set.Retain(nil)
		if err := s.publisher.Publish(t.Context(), batch(1, 1)); !errors.Is(err, publish.ErrClosed) {
			t.Errorf("Publish after Retain without it = %v, want ErrClosed", err)
		}
		s.wantNothingLost(t)
		e.want(t, 1, 1)
	})
	t.Run("takes responsibility in spite of an ended context", func(t *testing.T) {
		e := start(t)
		s := open(t, env, e)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.publisher.Publish(ctx, batch(0, 2)); err != nil {
			t.Errorf("Publish = %v", err)
		}
		s.wantNothingLost(t)
		e.want(t, 1, 2)
	})
	t.Run("refuses when closed", func(t *testing.T) {
		s := open(t, env, start(t))
		s.wantNothingLost(t)
		if err := s.publisher.Publish(t.Context(), batch(0, 1)); !errors.Is(err, publish.ErrClosed) {
			t.Errorf("Publish = %v, want ErrClosed", err)
		}
	})
	if start(t).Break == nil {
		return
	}
	t.Run("survives failures without loss, doubling or disorder", func(t *testing.T) {
		e := start(t)
		s := open(t, env, e)
		for i := range 3 {
			s.publish(t, i, 2)
		}
		e.Resources(6)
		e.Break()
		s.publish(t, 3, 2)
		s.log.wait(t, "publisher fails; trying again")
		from := time.Now()
		for i := range 10 {
			s.publish(t, 4+i, 2)
		}
		if d := time.Since(from); d > 5*time.Second {
			t.Errorf("a publisher that fails held up ten batches for %s", d)
		}
		e.Mend()
		s.log.wait(t, "publisher works again")
		s.wantNothingLost(t)
		e.want(t, 14, 2)
	})
	t.Run("counts what cannot be delivered", func(t *testing.T) {
		e := start(t)
		env := env
		env.Drain = time.Nanosecond
		s := open(t, env, e)
		e.Break()
		s.publish(t, 0, 2)
		s.log.wait(t, "publisher fails; trying again")
		s.publish(t, 1, 3)
		if err := s.stop(); err == nil || err.Error() != "closing publishers: 5 samples could not be delivered within 1ns" {
			t.Errorf("Run = %v, want 5 samples undelivered", err)
		}
		if st := s.publisher.(pipeline.Reporter).Status(); st.Dropped != 5 || st.Failures == 0 || st.LastError == "" || st.QueueEntries != 0 {
			t.Errorf("status %+v", st)
		}
	})
}

// opened is a publisher in a Set that runs.
type opened struct {
	set       *publish.Set
	publisher pipeline.Publisher[metering.Sample]
	log       records
	stop      func() error
}

func open(t *testing.T, env publish.Env, e Endpoint) *opened {
	t.Helper()
	s := &opened{log: make(records, 100)}
	env.Logger = slog.New(s.log)
	s.set = publish.NewSet(env)
	var err error
	if s.publisher, err = s.set.Open(e.URL); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- s.set.Run(ctx) }()
	stopped := false
	var result error
	s.stop = func() error {
		if !stopped {
			stopped = true
			cancel()
			result = <-done
		}
		return result
	}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

func (s *opened) publish(t *testing.T, number, size int) {
	t.Helper()
	if err := s.publisher.Publish(t.Context(), batch(number, size)); err != nil {
		t.Fatalf("publishing batch %d: %v", number, err)
	}
}

func (s *opened) wantNothingLost(t *testing.T) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Errorf("Run = %v", err)
	}
}

// batch is the batch of a number: its resources are "number.0", "number.1", …
func batch(number, size int) []metering.Sample {
	b := make([]metering.Sample, size)
	for i := range b {
		b[i] = Sample(fmt.Sprintf("%d.%d", number, i))
	}
	return b
}

// Sample is a sample of a resource with something in every field.
func Sample(resource string) metering.Sample {
	return metering.Sample{
		Name: "disk.root-size", Type: metering.Cumulative, Unit: "GB", Volume: metering.Int(42),
		UserID: metering.TextOf("user"), ProjectID: metering.TextOf("project"), ProjectName: metering.TextOf("Project \"ä\""),
		ResourceID: resource, Timestamp: "2026-11-21T01:02:03.000004", Metadata: `{"host": "h1", "n": 1}`,
		Source: "openstack", ID: "0f0f0f0f-0000-4000-8000-00000000000a", MonotonicTime: metering.Float(12.5),
	}
}

// want compares what has arrived with the batches from 0 on.
func (e Endpoint) want(t *testing.T, batches, size int) {
	t.Helper()
	got := slices.Clone(e.Resources(batches * size))
	var want []string
	for i := range batches {
		for j := range size {
			want = append(want, fmt.Sprintf("%d.%d", i, j))
		}
	}
	if e.Unordered && len(got) == len(want) {
		for i := range batches {
			slices.Sort(got[i*size : (i+1)*size])
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("arrived: %q\n   want: %q", got, want)
	}
}

// records is a slog.Handler that hands on the messages of state changes.
type records chan string

func (r records) Enabled(context.Context, slog.Level) bool { return true }
func (r records) WithAttrs([]slog.Attr) slog.Handler       { return r }
func (r records) WithGroup(string) slog.Handler            { return r }

func (r records) Handle(_ context.Context, rec slog.Record) error {
	select {
	case r <- rec.Message:
	default:
	}
	return nil
}

func (r records) wait(t *testing.T, message string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		select {
		case m := <-r:
			if m == message {
				return
			}
		case <-ctx.Done():
			t.Fatalf("nobody logged %q", message)
		}
	}
}
