package memory_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/memory"
)

func msg(id string, size int) bus.Message {
	return bus.Message{ID: id, Payload: make([]byte, size-len(id))}
}

func ids(msgs []bus.Message) string {
	var all []string
	for _, m := range msgs {
		all = append(all, m.ID)
	}
	return strings.Join(all, " ")
}

// take handles the next batch of "t" and returns its IDs.
func take(t *testing.T, b *memory.Bus) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got string
	if err := b.Receive(ctx, "t", func(_ context.Context, batch *bus.Batch) error {
		got = ids(batch.Messages)
		cancel()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// sending sends in a goroutine and gives its error, or "waits" while there is none.
func sending(t *testing.T, ctx context.Context, b *memory.Bus, msgs ...bus.Message) (outcome func() string) {
	t.Helper()
	result := make(chan error, 1)
	go func() { result <- b.Send(ctx, "t", msgs...) }()
	synctest.Wait()
	return func() string {
		synctest.Wait()
		select {
		case err := <-result:
			return fmt.Sprint(err)
		default:
			return "waits"
		}
	}
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestSendWaitsForSpace(t *testing.T) {
	for name, config := range map[string]memory.Config{
		"messages": {MaxMessages: 2, MaxBatch: 1},
		"bytes":    {MaxBytes: 20, MaxBatch: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := memory.New(config)
				expect(t, "first two", sending(t, t.Context(), b, msg("a", 10), msg("b", 10))(), "<nil>")
				third := sending(t, t.Context(), b, msg("c", 10))
				<-time.After(time.Hour)
				expect(t, "third", third(), "waits")
				expect(t, "batch", take(t, b), "a")
				expect(t, "third after a batch", third(), "<nil>")
				expect(t, "batch", take(t, b), "b")
				expect(t, "batch", take(t, b), "c")
			})
		})
	}
}

// TestInFlightTakesSpace: what a handler works on is still in memory.
func TestInFlightTakesSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxMessages: 1})
		ctx, cancel := context.WithCancel(t.Context())
		finish := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = b.Receive(ctx, "t", func(context.Context, *bus.Batch) error { <-finish; return nil })
		}()
		expect(t, "first", sending(t, t.Context(), b, msg("a", 10))(), "<nil>")
		second := sending(t, t.Context(), b, msg("b", 10))
		expect(t, "second while the first is in flight", second(), "waits")
		finish <- struct{}{}
		expect(t, "second", second(), "<nil>")
		finish <- struct{}{}
		cancel()
		<-done
	})
}

func TestSendIsSplitAndNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxMessages: 2})
		large := sending(t, t.Context(), b, msg("a1", 5), msg("a2", 5), msg("a3", 5), msg("a4", 5), msg("a5", 5))
		small := sending(t, t.Context(), b, msg("b1", 5))
		expect(t, "batch", take(t, b), "a1 a2")
		expect(t, "large Send", large(), "waits")
		expect(t, "batch", take(t, b), "a3 a4")
		expect(t, "large Send", large(), "<nil>")
		expect(t, "small Send", small(), "<nil>")
		expect(t, "batch", take(t, b), "a5 b1")
	})
}

// TestOversizedMessageIsNotStarved: it needs an empty topic, which others must not fill.
func TestOversizedMessageIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxBytes: 20, MaxBatch: 1})
		expect(t, "small", sending(t, t.Context(), b, msg("a", 5))(), "<nil>")
		large := sending(t, t.Context(), b, msg("large", 100))
		small := sending(t, t.Context(), b, msg("b", 5))
		expect(t, "large behind small", large(), "waits")
		expect(t, "small behind large", small(), "waits")
		expect(t, "batch", take(t, b), "a")
		expect(t, "large on empty", large(), "<nil>")
		expect(t, "small beside large", small(), "waits")
		expect(t, "batch", take(t, b), "large")
		expect(t, "small", small(), "<nil>")
		expect(t, "batch", take(t, b), "b")
	})
}

func TestSendGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxMessages: 2})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		first := sending(t, ctx, b, msg("a", 5), msg("b", 5), msg("c", 5))
		behind := sending(t, ctx, b, msg("d", 5))
		start := time.Now()
		<-ctx.Done()
		expect(t, "first", first(), `sending 3 messages to topic "t" (2 taken): context deadline exceeded`)
		expect(t, "behind it", behind(), `sending 1 messages to topic "t" (0 taken): context deadline exceeded`)
		if d := time.Since(start); d != time.Minute {
			t.Errorf("gave up after %s", d)
		}
		expect(t, "what was taken", take(t, b), "a b")
		expect(t, "next", sending(t, t.Context(), b, msg("e", 5))(), "<nil>")
	})
}

func TestCloseEndsWaitingSendsAndReceives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxMessages: 1})
		idle := make(chan error, 1)
		go func() {
			idle <- b.Receive(t.Context(), "idle", func(context.Context, *bus.Batch) error { return nil })
		}()
		expect(t, "first", sending(t, t.Context(), b, msg("a", 5))(), "<nil>")
		waiting := sending(t, t.Context(), b, msg("b", 5))
		behind := sending(t, t.Context(), b, msg("c", 5))
		b.Close()
		expect(t, "waiting", waiting(), `sending 1 messages to topic "t" (0 taken): bus is closed`)
		expect(t, "behind it", behind(), `sending 1 messages to topic "t" (0 taken): bus is closed`)
		if err := <-idle; err != nil {
			t.Errorf("idle Receive: error %v, want nil", err)
		}
		expect(t, "what was taken", take(t, b), "a")
	})
}

func TestStats(t *testing.T) {
	b := memory.New(memory.Config{MaxBatch: 2})
	if got := b.Stats(); len(got) != 0 {
		t.Errorf("stats of an unused bus: %v", got)
	}
	if err := b.Send(t.Context(), "z", msg("z", 7)); err != nil {
		t.Fatal(err)
	}
	if err := b.Send(t.Context(), "t", msg("a", 10), msg("b", 20), msg("c", 30)); err != nil {
		t.Fatal(err)
	}
	z := memory.TopicStats{Topic: "z", Queued: 1, QueuedBytes: 7, Sent: 1}
	check := func(when string, want memory.TopicStats) {
		t.Helper()
		if diff := cmp.Diff([]memory.TopicStats{want, z}, b.Stats()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("sent", memory.TopicStats{Topic: "t", Queued: 3, QueuedBytes: 60, Sent: 3})
	ctx, cancel := context.WithCancel(t.Context())
	_ = b.Receive(ctx, "t", func(context.Context, *bus.Batch) error {
		check("in flight", memory.TopicStats{Topic: "t", Queued: 1, QueuedBytes: 60, InFlight: 2, Sent: 3})
		cancel()
		return ctx.Err()
	})
	check("put back", memory.TopicStats{Topic: "t", Queued: 3, QueuedBytes: 60, Sent: 3})
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	_ = b.Receive(ctx, "t", func(_ context.Context, batch *bus.Batch) error {
		check("again", memory.TopicStats{Topic: "t", Queued: 1, QueuedBytes: 60, InFlight: 2, Sent: 3, Redelivered: 2})
		batch.Reject(1, errors.New("bad"))
		cancel()
		return nil
	})
	check("handled", memory.TopicStats{Topic: "t", Queued: 1, QueuedBytes: 30, Sent: 3, Acknowledged: 2, Rejected: 1, Redelivered: 2})
	expect(t, "rest", take(t, b), "c")
	check("empty", memory.TopicStats{Topic: "t", Sent: 3, Acknowledged: 3, Rejected: 1, Redelivered: 2})
}

// TestSettled: what was sent before is waited for, what comes later is not.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxBatch: 1})
		if err := b.Settled(t.Context(), "t"); err != nil {
			t.Errorf("on an unused topic: %v", err)
		}
		expect(t, "first two", sending(t, t.Context(), b, msg("a", 10), msg("b", 10))(), "<nil>")
		settled := make(chan error, 2)
		for range cap(settled) {
			go func() { settled <- b.Settled(t.Context(), "t") }()
		}
		synctest.Wait()
		expect(t, "third", sending(t, t.Context(), b, msg("c", 10))(), "<nil>")
		take(t, b)
		synctest.Wait()
		if len(settled) > 0 {
			t.Error("settled after the first of two")
		}
		take(t, b)
		for range cap(settled) {
			if err := <-settled; err != nil {
				t.Error(err)
			}
		}
		ended, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.Settled(ended, "t"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with one left: error %v, want the context's", err)
		}
	})
}
