package pollster_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pollster"
)

// A pollster that yields after it has returned is not heard, and harms nobody.
func TestYieldAfterReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late sync.WaitGroup
		row := plugin("late", pollFunc(func(context.Context, []discovery.Resource) iter.Seq2[metering.Sample, error] {
			return func(yield func(metering.Sample, error) bool) {
				late.Go(func() {
					<-time.After(time.Second)
					for range 3 {
						if yield(gauge("m", "late"), nil) || yield(metering.Sample{}, errDown) {
							t.Error("more is wanted of a pollster that has returned")
						}
					}
				})
			}
		}), "m")
		b := newBench(t, pollster.Config{Sources: []pollster.Source{source(t, "s", "*")}, BatchSize: 1, Plugins: []pollster.Plugin{row}})
		b.runFor(t, 25*time.Second)
		late.Wait()
		if n := len(b.sink.all()); n != 0 {
			t.Errorf("%d samples", n)
		}
		b.check(t, map[string]float64{"polls_total ok": 3, "poll_errors_total": 0})
	})
}

// A failure among resources that are not divided gives back no claim of those that are.
func TestLocalFailureKeepsClaims(t *testing.T) {
	ring, err := partition.NewRing(partition.View{Members: []partition.Member{{ID: "me", Weight: 1}}}, partition.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	zero := "static/0" // in partition 0
	for i := 0; ring.Partition(zero) != 0; i++ {
		zero = fmt.Sprintf("static/%d", i)
	}
	synctest.Test(t, func(t *testing.T) {
		w := watch(local.New())
		src := source(t, "s", "*")
		src.Resources = []discovery.Static{discovery.Static(zero)}
		src.Discovery = []discovery.Ref{{Name: "things"}}
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{src}, Discoveries: []discovery.Plugin{things("a")},
			Groups: groups(t, w, "me"),
			Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
				if rs[0].ResourceKey() == "a" {
					panic("local")
				}
			}), "m")},
		})
		if err := b.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.done) != 1 || len(w.released) != 0 {
			t.Errorf("done %v, released %v; want the one claim done", w.done, w.released)
		}
	})
}

// After the clock was set forward, or the machine slept (which stops timers), a long
// interval ends when the clock says so and not when the old timer does.
func TestClockStepInLongInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var r record
		hourly := source(t, "s", "*")
		hourly.Interval = time.Hour
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{hourly},
			Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) { r.note(begun, rs) }), "m")},
		})
		var skew atomic.Int64
		b.SetWall(func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) })
		defer time.AfterFunc(90*time.Second, func() { skew.Store(int64(50 * time.Minute)) }).Stop()
		b.runFor(t, 2*time.Hour)
		if got, want := r.times(), seconds(0, 600, 4200); !slices.Equal(got, want) {
			t.Errorf("polled at %v, want %v", got, want)
		}
	})
}

// A pollster that is excluded by its name is not polled, whatever its meters are called.
func TestExcludedPollster(t *testing.T) {
	for _, patterns := range [][]string{{"!p"}, {"*", "!p"}, {"*", "!q", "!p*"}} {
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", patterns...)},
			Plugins: []pollster.Plugin{plugin("p", readings("m"), "m"), plugin("other", readings("n"), "n")},
		})
		if err := b.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m, n := b.sink.of("m"), b.sink.of("n"); m != 0 || n != 2 {
			t.Errorf("%q: %d samples of the excluded pollster and %d of the other, want 0 and 2", patterns, m, n)
		}
	}
}
