package pollster_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// failing yields a sample, does its worst, and is well again from the third cycle on.
func TestFailuresAreContained(t *testing.T) {
	for name, test := range map[string]struct {
		worst   func(yield func(metering.Sample, error) bool)
		outcome string
		samples int    // of the failing pollster, in four cycles
		errs    string // in the log, once
	}{
		"panic":   {func(func(metering.Sample, error) bool) { panic("boom") }, "panic", 6, "pollster panicked"},
		"exit":    {func(func(metering.Sample, error) bool) { runtime.Goexit() }, "panic", 6, "pollster panicked"},
		"error":   {func(yield func(metering.Sample, error) bool) { yield(metering.Sample{}, errDown) }, "error", 8, "pollster reports errors"},
		"unknown": {func(yield func(metering.Sample, error) bool) { yield(gauge("?", "a"), nil) }, "error", 8, "pollster reports errors"},
		"no type": {func(yield func(metering.Sample, error) bool) { yield(metering.Sample{Name: "m"}, nil) }, "error", 8, "pollster reports errors"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls := 0
				failing := pollFunc(func(context.Context, []discovery.Resource) iter.Seq2[metering.Sample, error] {
					polls++
					ill := polls <= 2
					return func(yield func(metering.Sample, error) bool) {
						yield(gauge("m", "a"), nil)
						if ill {
							test.worst(yield)
						}
						yield(gauge("m", "b"), nil)
					}
				})
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")},
					Plugins: []pollster.Plugin{plugin("bad", failing, "m"), plugin("good", readings("g"), "g")},
				})
				b.runFor(t, 35*time.Second)
				if n := b.sink.of("m"); n != test.samples {
					t.Errorf("%d samples of the failing pollster, want %d", n, test.samples)
				}
				if n := b.sink.of("g"); n != 8 {
					t.Errorf("%d samples of the other, want 8", n)
				}
				b.check(t, map[string]float64{
					"polls_total bad " + test.outcome: 2, "polls_total bad ok": 2, "polls_total good ok": 4, "poll_errors_total bad": 2,
				})
				if b.logged(test.errs) != 1 || b.logged("pollster has recovered") != 1 {
					t.Errorf("want one line about each change of state:\n%s", &b.log.buf)
				}
				if strings.Contains(b.Status().Pollsters[0].LastError, "\n") {
					t.Error("the status shows a stack")
				}
			})
		})
	}
}

// A pollster that ignores its context is left alone; what it yields late is discarded.
func TestLateSamplesAreDiscarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused atomic.Bool
		release := make(chan struct{})
		hanging := pollFunc(func(context.Context, []discovery.Resource) iter.Seq2[metering.Sample, error] {
			return func(yield func(metering.Sample, error) bool) {
				yield(gauge("m", "early"), nil)
				<-release
				refused.Store(!yield(gauge("m", "late"), nil))
				yield(metering.Sample{}, errDown)
			}
		})
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{plugin("p", hanging, "m")},
		})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		<-time.After(15 * time.Second)
		synctest.Wait()
		if st := b.Status().Pollsters[0]; !st.Stuck {
			t.Errorf("status: %+v, want stuck", st)
		}
		b.check(t, map[string]float64{"stuck_polls p": 1})
		close(release)
		synctest.Wait()
		if st := b.Status().Pollsters[0]; st.Stuck || !refused.Load() {
			t.Errorf("stuck %v, late sample refused %v", st.Stuck, refused.Load())
		}
		b.check(t, map[string]float64{"stuck_polls p": 0})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, s := range b.sink.all() {
			if s.ResourceID == "late" {
				t.Error("a late sample was written")
			}
		}
		if b.sink.of("m") != 1 {
			t.Errorf("%d samples, want the early one", b.sink.of("m"))
		}
	})
}

func TestMillionSamples(t *testing.T) {
	const n = 1_000_000
	flood := pollFunc(func(context.Context, []discovery.Resource) iter.Seq2[metering.Sample, error] {
		return func(yield func(metering.Sample, error) bool) {
			for i := range n {
				if !yield(gauge("m", fmt.Sprint("resource/", i)), nil) {
					return
				}
			}
		}
	})
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var count, largest int
	var most uint64
	w := writerFunc(func(_ context.Context, samples []metering.Sample) error {
		if count += len(samples); count%(n/5) == 0 {
			most = max(most, heap())
		}
		largest = max(largest, len(samples))
		return nil
	})
	src := source(t, "s", "*")
	src.Interval = time.Hour
	b := newBench(t, pollster.Config{
		Sources: []pollster.Source{src}, Writer: w, BatchSize: 100,
		Plugins: []pollster.Plugin{plugin("p", flood, "m")},
	})
	before := heap()
	if err := b.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if count != n || largest != 100 {
		t.Errorf("%d samples in batches of up to %d, want %d and 100", count, largest, n)
	}
	// The samples would take several hundred megabytes; remembering which resources and
	// meters have been seen takes about 40 bytes each.
	if most > before+64<<20 {
		t.Errorf("%d MB used, %d MB before", most>>20, before>>20)
	}
}

// Run ends within a second of its context, and what was yielded is written.
func TestCancellation(t *testing.T) {
	for name, test := range map[string]struct {
		poll   func(ctx context.Context)
		write  func(ctx context.Context) error
		within time.Duration
		wrote  int
	}{
		"waiting for the next cycle":   {nil, nil, 0, 4},
		"pollster obeys":               {func(ctx context.Context) { <-ctx.Done() }, nil, 0, 2},
		"pollster takes a while":       {func(ctx context.Context) { <-ctx.Done(); <-time.After(200 * time.Millisecond) }, nil, 200 * time.Millisecond, 2},
		"writer hangs":                 {nil, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, time.Second, 0},
		"writer fails":                 {nil, func(context.Context) error { return errDown }, 0, 0},
		"pollster obeys, writer hangs": {func(ctx context.Context) { <-ctx.Done() }, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pollFunc(func(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
					return func(yield func(metering.Sample, error) bool) {
						for i := range 2 {
							yield(gauge("m", fmt.Sprint(i)), nil)
						}
						if test.poll != nil {
							test.poll(ctx)
							yield(metering.Sample{}, context.Cause(ctx))
							return
						}
						for i := range 2 {
							yield(gauge("m", fmt.Sprint(i+2)), nil)
						}
					}
				})
				w := &sink{}
				if test.write != nil {
					w.fail = func(ctx context.Context, _ []metering.Sample) error { return test.write(ctx) }
				}
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{plugin("p", p, "m")}, Writer: w,
				})
				if took := b.runFor(t, 5*time.Second); took > test.within {
					t.Errorf("Run ended after %v, want %v", took, test.within)
				}
				if n := w.of("m"); n != test.wrote {
					t.Errorf("%d samples written, want %d", n, test.wrote)
				}
				b.check(t, map[string]float64{"samples_total written": float64(test.wrote), "poll_errors_total": 0})
				if test.write != nil && b.value(t, "samples_total", "lost") == 0 {
					t.Error("the loss is not counted")
				}
			})
		})
	}
}

func TestPermanentError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r record
		begun := time.Now()
		p := pollFunc(func(_ context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
			r.note(begun, rs)
			return func(yield func(metering.Sample, error) bool) {
				for _, res := range rs {
					if res.ResourceKey() == "b" {
						err := &pollster.PermanentError{Resources: []discovery.Resource{res, nil}, Err: errors.New("gone for good")}
						yield(metering.Sample{}, fmt.Errorf("reading b: %w", err))
						continue
					}
					yield(gauge("m", res.ResourceKey()), nil)
				}
			}
		})
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{plugin("p", p, "m"), plugin("q", readings("n"), "n")},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx) }()
		<-time.After(25 * time.Second)
		b.check(t, map[string]float64{"skipped_resources s p": 1, "resources s p": 1, "resources s q": 2})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		counts := r.perCycle()
		if counts["a in cycle 2"] != 1 || counts["b in cycle 0"] != 1 || counts["b in cycle 1"]+counts["b in cycle 2"] != 0 {
			t.Errorf("polled %v, want b only in cycle 0", counts)
		}
		if b.sink.of("n") != 6 {
			t.Error("another pollster skips the resource too")
		}
		st := b.Status().Pollsters[0]
		if st.Skipped != 1 || len(st.SkippedKeys) != 1 || st.SkippedKeys[0] != "b" {
			t.Errorf("status: %+v", st)
		}
		if b.logged("resources are not polled any more") != 1 {
			t.Errorf("log:\n%s", &b.log.buf)
		}
	})
}

func TestWriteErrors(t *testing.T) {
	for name, test := range map[string]struct {
		failures      int // of each cycle's first batch
		written, lost float64
		within        time.Duration
	}{
		"for a moment":  {3, 6, 0, 4 * time.Second},
		"for the cycle": {1 << 30, 0, 6, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				failures := test.failures
				w := &sink{}
				w.fail = func(context.Context, []metering.Sample) error {
					if failures--; failures >= 0 {
						return errDown
					}
					return nil
				}
				var later atomic.Int32
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")}, Writer: w, BatchSize: 1,
					Discoveries: []discovery.Plugin{things("a", "b", "c", "d", "e", "f")},
					Plugins:     []pollster.Plugin{plugin("p", readings("m").before(func(context.Context, []discovery.Resource) { later.Add(1) }), "m")},
				})
				begun := time.Now()
				if err := b.Once(t.Context()); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took > test.within {
					t.Errorf("took %v, want %v at most", took, test.within)
				}
				written, lost := b.value(t, "samples_total", "written"), b.value(t, "samples_total", "lost")
				// What the pollster could not yield because of back-pressure is neither.
				if written != test.written || lost > test.lost || (test.lost > 0) != (lost > 0) {
					t.Errorf("%v written and %v lost, want %v and up to %v", written, lost, test.written, test.lost)
				}
				if b.logged("samples cannot be written") != 1 || (b.logged("samples are lost") == 1) != (test.lost > 0) {
					t.Errorf("log:\n%s", &b.log.buf)
				}
			})
		})
	}
}

// A writer that is slow holds the pollster back instead of filling the memory.
func TestBackPressure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var yielded atomic.Int32
		p := pollFunc(func(context.Context, []discovery.Resource) iter.Seq2[metering.Sample, error] {
			return func(yield func(metering.Sample, error) bool) {
				for i := range 100 {
					yielded.Add(1)
					if !yield(gauge("m", fmt.Sprint(i)), nil) {
						return
					}
				}
			}
		})
		w := &sink{}
		w.fail = func(context.Context, []metering.Sample) error {
			<-time.After(500 * time.Millisecond)
			synctest.Wait()
			if ahead := int(yielded.Load()) - w.of("m"); ahead > 15 {
				t.Errorf("%d samples are neither written nor refused, want at most 3 batches of 5", ahead)
			}
			return nil
		}
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{plugin("p", p, "m")}, Writer: w, BatchSize: 5,
		})
		b.runFor(t, 9900*time.Millisecond)
		if n := w.of("m"); n != 100 {
			t.Errorf("%d samples written, want 100", n)
		}
	})
}
