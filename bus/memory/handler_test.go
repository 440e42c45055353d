package memory_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/memory"
)

func send(t *testing.T, b *memory.Bus, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if err := b.Send(t.Context(), "t", bus.Message{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFailedBatchComesAgainAfterGrowingPauses and without what has arrived meanwhile.
func TestFailedBatchComesAgainAfterGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{})
		send(t, b, "a", "b")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const failures = 14
		var calls []time.Time
		_ = b.Receive(ctx, "t", func(_ context.Context, batch *bus.Batch) error {
			calls = append(calls, time.Now())
			if len(calls) <= failures+1 {
				expect(t, "batch", ids(batch.Messages), "a b")
			}
			if len(calls) <= failures {
				send(t, b, fmt.Sprintf("late%d", len(calls)))
				return errors.New("the sink is away")
			}
			if len(batch.Messages) == failures {
				cancel()
			}
			return nil
		})
		want := 100 * time.Millisecond
		for i := range failures {
			pause := calls[i+1].Sub(calls[i])
			if pause < want*8/10 || pause > want*12/10+1 {
				t.Errorf("pause %d is %s, want about %s", i, pause, want)
			}
			want = min(2*want, 30*time.Second)
		}
		if d := calls[failures+1].Sub(calls[failures]); d != 0 {
			t.Errorf("paused %s after success", d)
		}
	})
}

func TestPauseEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{})
		send(t, b, "a")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		start, calls := time.Now(), 0
		if err := b.Receive(ctx, "t", func(context.Context, *bus.Batch) error {
			calls++
			return errors.New("the sink is away")
		}); err != nil {
			t.Errorf("error %v, want nil", err)
		}
		if d := time.Since(start); calls != 1 || d != 50*time.Millisecond {
			t.Errorf("returned after %s and %d calls", d, calls)
		}
		expect(t, "what is left", take(t, b), "a")
	})
}

// TestCloseEndsThePause: the time to drain is short, and the sink may work again.
func TestCloseEndsThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{})
		send(t, b, "a")
		closedAt := time.Now().Add(time.Hour)
		time.AfterFunc(time.Hour, b.Close)
		_ = b.Receive(t.Context(), "t", func(context.Context, *bus.Batch) error {
			if time.Now().Before(closedAt) {
				return errors.New("the sink is away")
			}
			return nil
		})
		if d := time.Since(closedAt); d != 0 {
			t.Errorf("drained %s after Close", d)
		}
	})
}

// TestFailureAfterClosePauses: draining into a sink that is away must not spin.
func TestFailureAfterClosePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{})
		send(t, b, "a")
		b.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		calls := 0
		_ = b.Receive(ctx, "t", func(context.Context, *bus.Batch) error {
			calls++
			return errors.New("the sink is away")
		})
		if calls < 3 || calls > 5 { // at 0, 0.1, 0.3 and 0.7 s
			t.Errorf("%d calls in a second", calls)
		}
	})
}

func TestSecondReceiveTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := memory.New(memory.Config{MaxBatch: 1})
		send(t, b, "a", "b", "c")
		got := make(chan string)
		receive := func(ctx context.Context, name string) {
			_ = b.Receive(ctx, "t", func(ctx context.Context, batch *bus.Batch) error {
				select {
				case got <- name + " " + ids(batch.Messages):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		}
		one, stopOne := context.WithCancel(t.Context())
		two, stopTwo := context.WithCancel(t.Context())
		defer stopTwo()
		go receive(one, "one")
		synctest.Wait()
		go receive(two, "two")
		expect(t, "first", <-got, "one a")
		stopOne() // with b in its hands
		synctest.Wait()
		expect(t, "second", <-got, "two b")
		expect(t, "third", <-got, "two c")
	})
}

// TestLog: one line when a topic begins to fail and one when it works again.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		b := memory.New(memory.Config{Logger: log})
		send(t, b, "a")
		b.Close()
		calls := 0
		_ = b.Receive(t.Context(), "t", func(context.Context, *bus.Batch) error {
			if calls++; calls <= 3 {
				return errors.New("the sink is away")
			}
			return nil
		})
		expect(t, "log", out.String(), `level=WARN msg="handler does not take a batch, repeating it until it does" topic=t err="the sink is away"`+"\n"+
			`level=INFO msg="handler works again" topic=t`+"\n")
		out.Reset()
		b = memory.New(memory.Config{Logger: log})
		send(t, b, "a")
		b.Close()
		calls = 0
		_ = b.Receive(t.Context(), "t", func(context.Context, *bus.Batch) error {
			if calls++; calls == 1 {
				panic("broken")
			}
			return nil
		})
		if text := out.String(); !strings.Contains(text, "handling batch: panic: broken") || !strings.Contains(text, "handler_test.go") {
			t.Errorf("the log does not tell of the panic and where it was:\n%s", text)
		}
	})
}

func TestRejectedAreKept(t *testing.T) {
	b := memory.New(memory.Config{MaxMessages: 1000, MaxBatch: 7})
	if got := b.Rejected("t"); got != nil {
		t.Errorf("rejected on a topic that is not there: %v", got)
	}
	reject := func(msgs ...bus.Message) {
		t.Helper()
		if err := b.Send(t.Context(), "t", msgs...); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		left := len(msgs)
		_ = b.Receive(ctx, "t", func(_ context.Context, batch *bus.Batch) error {
			for i, m := range batch.Messages {
				batch.Reject(i, errors.New("bad "+m.ID))
			}
			if left -= len(batch.Messages); left == 0 {
				cancel()
			}
			return nil
		})
	}
	check := func(n int, first, last string) {
		t.Helper()
		got := b.Rejected("t")
		if len(got) != n {
			t.Fatalf("%d are kept, want %d", len(got), n)
		}
		for _, r := range got {
			expect(t, "reason", r.Reason.Error(), "bad "+r.Message.ID)
		}
		expect(t, "first", got[0].Message.ID, first)
		expect(t, "last", got[n-1].Message.ID, last)
	}
	var many []bus.Message
	for i := range 250 {
		many = append(many, msg(fmt.Sprint(i), 100))
	}
	reject(many...)
	check(100, "150", "249")
	if n := b.Stats()[0].Rejected; n != 250 {
		t.Errorf("%d counted, want 250", n)
	}
	reject(msg("x", 400<<10), msg("y", 400<<10), msg("z", 400<<10))
	check(2, "y", "z")
	reject(msg("huge", 2<<20))
	check(3, "y", "huge")
	if p := b.Rejected("t")[2].Message.Payload; p != nil {
		t.Errorf("%d bytes of payload are kept", len(p))
	}
}
