package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/pipeline"
)

// These tests are about time and bounds, for which a synctest bubble has to hold the
// queue and a publisher without sockets.

var errDown = errors.New("down")

// far is a publisher whose every attempt a test answers.
type far struct {
	answer  func(ctx context.Context, batch []int) error
	arrived []int
	times   []time.Time
}

func (f *far) Publish(ctx context.Context, batch []int) error {
	f.times = append(f.times, time.Now())
	err := f.answer(ctx, batch)
	retry, refused := undelivered(batch, err)
	for _, n := range batch {
		if !slices.Contains(retry, n) && !slices.Contains(refused, n) {
			f.arrived = append(f.arrived, n)
		}
	}
	return err
}

type bench struct {
	*queue[int]
	far  *far
	log  *strings.Builder
	stop func() int // ends at once
}

func newBench(t *testing.T, p policy, answer func(ctx context.Context, batch []int) error) bench {
	b := bench{far: &far{answer: answer}, log: &strings.Builder{}}
	logger := slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
	if p.bytes == 0 {
		p.bytes = defaultBudget
	}
	ta := newTally("far://", newInstruments(nil), logger)
	b.queue = newQueue(timed[int]{b.far, ta}, items[int]{keep: slices.Clone[[]int], size: func(*int) int { return 8 },
		show: func(n *int) string { return fmt.Sprint(*n) }}, p, ta)
	ctx, cancel := context.WithCancel(t.Context())
	lost := make(chan int, 1)
	go func() { lost <- b.run(ctx) }()
	b.stop = func() int { cancel(); return <-lost }
	return b
}

func (b bench) publish(t *testing.T, batch ...int) time.Duration {
	t.Helper()
	from := time.Now()
	if err := b.Publish(t.Context(), batch); err != nil {
		t.Fatalf("Publish(%v) = %v", batch, err)
	}
	return time.Since(from)
}

func (b bench) want(t *testing.T, arrived []int, dropped uint64) {
	t.Helper()
	if !slices.Equal(b.far.arrived, arrived) {
		t.Errorf("arrived %v, want %v", b.far.arrived, arrived)
	}
	if st := b.Status(); st.Dropped != dropped || st.Published != uint64(len(arrived)) {
		t.Errorf("published %d, dropped %d, want %d and %d", st.Published, st.Dropped, len(arrived), dropped)
	}
}

func TestQueuePatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hang atomic.Bool
		hang.Store(true)
		b := newBench(t, policy{}, func(ctx context.Context, _ []int) error {
			if hang.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		if d := b.publish(t, 1); d != patience {
			t.Errorf("the first batch waited %s, want %s", d, patience)
		}
		for n := 2; n < 100; n++ {
			if d := b.publish(t, n); d != 0 {
				t.Fatalf("batch %d waited %s behind a hanging one, want not at all", n, d)
			}
		}
		if st := b.Status(); st.QueueEntries != 99 || st.QueueBytes != 99*(8+entryOverhead) || time.Since(st.QueueOldest) != patience {
			t.Errorf("status %+v", st)
		}
		hang.Store(false)
		<-time.After(longestAttempt + time.Second)
		synctest.Wait()
		if st := b.Status(); st.Published != 99 || st.QueueEntries != 0 || st.QueueBytes != 0 || !slices.IsSorted(b.far.arrived) {
			t.Errorf("after it is well again: %+v", st)
		}
		b.close()
		if n := b.stop(); n != 0 {
			t.Errorf("%d lost", n)
		}
	})
}

// A publisher that panics over one batch loses that batch alone, and says so.
func TestQueuePanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{}, func(_ context.Context, batch []int) error {
			if batch[0] == 2 {
				panic("two")
			}
			return nil
		})
		for n := 1; n <= 3; n++ {
			b.publish(t, n)
		}
		b.want(t, []int{1, 3}, 1)
		if st := b.Status(); len(st.SetAside) != 1 || !strings.Contains(st.SetAside[0].Error, "two") {
			t.Errorf("set aside %+v", st.SetAside)
		}
		b.close()
		b.stop()
	})
}

func TestQueueSlowButMoving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{}, func(context.Context, []int) error { <-time.After(400 * time.Millisecond); return nil })
		for n := range 5 {
			if d := b.publish(t, n); d != 400*time.Millisecond {
				t.Errorf("batch %d waited %s, want for its delivery", n, d)
			}
		}
		b.stop()
	})
}

func TestQueuePolicies(t *testing.T) {
	for _, c := range []struct {
		name     string
		policy   policy
		up       int // attempts until it works; -1: never
		arrived  []int
		dropped  uint64
		attempts int // until an hour has passed, at least
		state    pipeline.State
	}{
		{"default gives up", policy{attempts: 4}, -1, nil, 6, 12, pipeline.StateFailing},
		{"default, in time", policy{attempts: 4}, 3, []int{1, 2, 3, 4, 5, 6}, 0, 6, pipeline.StateOK},
		{"queue never gives up", policy{}, 100, []int{1, 2, 3, 4, 5, 6}, 0, 103, pipeline.StateOK},
		{"drop tries once", policy{attempts: 1}, 2, []int{5, 6}, 4, 3, pipeline.StateOK},
		{"the oldest go", policy{entries: 1}, 100, []int{5, 6}, 4, 100, pipeline.StateOK},
		{"bytes count too", policy{bytes: 2 * (entryOverhead + 16)}, 100, []int{3, 4, 5, 6}, 2, 100, pipeline.StateOK},
		{"a batch over the budget", policy{bytes: 1}, 100, []int{5, 6}, 4, 100, pipeline.StateOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, c.policy, nil)
				b.far.answer = func(context.Context, []int) error {
					if c.up < 0 || len(b.far.times) <= c.up {
						return errDown
					}
					return nil
				}
				b.publish(t, 1, 2)
				b.publish(t, 3, 4)
				b.publish(t, 5, 6)
				<-time.After(2 * time.Hour)
				synctest.Wait()
				b.want(t, c.arrived, c.dropped)
				st := b.Status()
				if n := len(b.far.times); n < c.attempts || st.State != c.state || st.QueueEntries != 0 {
					t.Errorf("%d attempts, %+v; want %d or more, %s", n, st, c.attempts, c.state)
				}
				b.stop()
			})
		})
	}
}

// Any sequence of failures and partial deliveries delivers everything once, in order.
func TestQueueDeliversOnceInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		script := rapid.SliceOfN(rapid.IntRange(-1, 3), 0, 30).Draw(rt, "script") // -1: works; n: takes n, then fails
		sizes := rapid.SliceOfN(rapid.IntRange(1, 4), 1, 8).Draw(rt, "sizes")
		synctest.Test(t, func(t *testing.T) {
			b := newBench(t, policy{}, nil)
			b.far.answer = func(_ context.Context, batch []int) error {
				if i := len(b.far.times) - 1; i < len(script) && script[i] >= 0 && script[i] < len(batch) {
					return &partialError[int]{retry: batch[script[i]:], err: errDown}
				}
				return nil
			}
			var want []int
			for _, size := range sizes {
				batch := make([]int, size)
				for j := range batch {
					batch[j] = len(want) + j
				}
				want = append(want, batch...)
				b.publish(t, batch...)
				clear(batch) // it is the caller's again
			}
			b.close()
			<-time.After(time.Hour)
			synctest.Wait()
			b.want(t, want, 0)
			if n := b.stop(); n != 0 {
				t.Errorf("%d lost", n)
			}
		})
	})
}

func TestQueuePauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{}, func(context.Context, []int) error { return errDown })
		b.publish(t, 1)
		<-time.After(time.Hour)
		synctest.Wait()
		for i := range len(b.far.times) - 1 {
			d := b.far.times[i+1].Sub(b.far.times[i])
			middle := min(firstPause<<min(i, 20), longestPause)
			if d < middle/2 || d > middle*3/2+time.Millisecond {
				t.Errorf("pause %d is %s, want %s and half of it more or less", i, d, middle)
			}
		}
		b.stop()
	})
}

func TestQueueObeysRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{}, func(context.Context, []int) error { return &delayedError{errDown, 3 * time.Minute} })
		b.publish(t, 1)
		<-time.After(10 * time.Minute)
		synctest.Wait()
		for i := range len(b.far.times) - 1 {
			if d := b.far.times[i+1].Sub(b.far.times[i]); d != 3*time.Minute {
				t.Errorf("pause %d is %s", i, d)
			}
		}
		if n := len(b.far.times); n != 4 {
			t.Errorf("%d attempts in ten minutes, want 4", n)
		}
		b.stop()
	})
}

func TestQueueSetsAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{attempts: 3}, func(_ context.Context, batch []int) error {
			if batch[0]%2 == 0 {
				return fmt.Errorf("sending: %w", permanent(errDown))
			}
			return nil
		})
		for n := range 30 {
			if d := b.publish(t, n, n); d != 0 {
				t.Errorf("batch %d waited %s", n, d)
			}
		}
		st := b.Status()
		if st.Dropped != 30 || st.Published != 30 || st.Failures != 15 || len(st.SetAside) != keptAside {
			t.Errorf("status %+v", st)
		}
		last := st.SetAside[keptAside-1]
		if last.First != "28" || last.Samples != 2 || last.Reason != reasonRefused || last.Error != "sending: down" {
			t.Errorf("last set aside: %+v", last)
		}
		b.stop()
	})
}

func TestQueueLogsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, policy{entries: 2}, nil)
		b.far.answer = func(context.Context, []int) error {
			if len(b.far.times) <= 20 {
				return errDown
			}
			return nil
		}
		for n := range 10 {
			b.publish(t, n)
		}
		<-time.After(time.Hour)
		synctest.Wait()
		b.want(t, []int{8, 9}, 8)
		want := `level=WARN msg="publisher fails; trying again" publisher=far:// err=down
level=ERROR msg="queue is full; its oldest samples are dropped" publisher=far:// entries=2 bytes=528
level=WARN msg="queue is empty again; samples were dropped before" publisher=far:// samples=8
level=INFO msg="publisher works again" publisher=far://
`
		lines := func(s string) []string { l := strings.Split(s, "\n"); slices.Sort(l); return l }
		if !slices.Equal(lines(b.log.String()), lines(want)) {
			t.Errorf("log:\n%swant:\n%s", b.log, want)
		}
		b.stop()
	})
}

func TestQueueEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := false
		b := newBench(t, policy{}, func(context.Context, []int) error {
			if up {
				return nil
			}
			return errDown
		})
		b.publish(t, 1)
		b.publish(t, 2)
		<-time.After(10 * time.Minute) // pauses are long now
		synctest.Wait()
		up = true
		from := time.Now()
		b.close()
		synctest.Wait()
		if b.want(t, []int{1, 2}, 0); time.Since(from) != 0 {
			t.Errorf("the end waited %s for a pause", time.Since(from))
		}
		if err := b.Publish(t.Context(), []int{3}); !errors.Is(err, ErrClosed) {
			t.Errorf("Publish after close = %v", err)
		}
		b.stop()
	})
}
