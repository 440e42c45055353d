package pollster_test

import (
	"context"
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pollster"
)

// twice reports ids that came more than once.
func twice(t *testing.T, samples []metering.Sample) {
	t.Helper()
	ids := map[string]bool{}
	for _, s := range samples {
		if ids[s.ID] {
			t.Errorf("%s of %s at %s: the id came before", s.Name, s.ResourceID, s.Timestamp)
		}
		ids[s.ID] = true
	}
}

// A Scheduler that takes over polls each resource once per cycle together with its
// predecessors, wherever in the cycle they change.
func TestTakeover(t *testing.T) {
	for name, perResource := range map[string]bool{"bulk": false, "spread": true} {
		for scope, coordinated := range map[string]bool{"local": false, "divided": true} {
			t.Run(name+" "+scope, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					writer, begun := &sink{}, time.Now()
					var history pollster.History
					var gs *pollster.Groups
					if coordinated {
						gs = groups(t, local.New(), "me")
					}
					var r record
					row := plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) { r.note(begun, rs) }), "m")
					row.PerResource = perResource
					for _, d := range []float64{33, 2, 0.5, 21.25, 19.75, 3.5, 0.01, 29.99} {
						c := pollster.Config{
							Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{row}, Splay: 0.7,
							Discoveries: shared(100), Writer: writer, History: &history, Groups: gs,
						}
						newBench(t, c).runFor(t, time.Duration(d*float64(time.Second))-time.Nanosecond)
						<-time.After(time.Nanosecond)
					}
					all := writer.all()
					twice(t, all)
					if len(all) != 11*100 { // 110 s and no cycle more
						t.Errorf("%d samples, want one of each of 100 resources in each of 11 cycles", len(all))
					}
					for key, n := range r.perCycle() {
						if n != 1 {
							t.Errorf("%s polled %d times", key, n)
						}
					}
				})
			})
		}
	}
}

// What was not selected before is polled at once, without what was.
func TestTakeoverOfOtherSources(t *testing.T) {
	plain := func(t *testing.T) pollster.Source { return source(t, "s", "m") }
	for name, test := range map[string]struct {
		second func(t *testing.T) pollster.Source
		want   []string // sampled at once after the change
	}{
		"the same":      {plain, nil},
		"another meter": {func(t *testing.T) pollster.Source { return source(t, "s", "n") }, []string{"a n", "b n"}},
		"a meter more":  {func(t *testing.T) pollster.Source { return source(t, "s", "m", "n") }, []string{"a n", "b n"}},
		"all meters":    {func(t *testing.T) pollster.Source { return source(t, "s", "*") }, []string{"a n", "a o", "b n", "b o"}},
		"another name":  {func(t *testing.T) pollster.Source { return source(t, "t", "m") }, []string{"a m", "b m"}},
		"a resource more": {func(t *testing.T) pollster.Source {
			s := plain(t)
			s.Resources = []discovery.Static{"a", "c"}
			return s
		}, []string{"c m"}},
		"another interval": {func(t *testing.T) pollster.Source { s := plain(t); s.Interval = time.Minute; return s }, []string{"a m", "b m"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				writer := &sink{}
				var history pollster.History
				run := func(s pollster.Source, d time.Duration) {
					newBench(t, pollster.Config{
						Sources: []pollster.Source{s}, Writer: writer, History: &history,
						Plugins: []pollster.Plugin{plugin("p", readings("m", "n", "o"), "m", "n", "o")},
					}).runFor(t, d)
				}
				run(plain(t), 22*time.Second)
				before := len(writer.all())
				run(test.second(t), time.Second)
				var got []string
				for _, s := range writer.all()[before:] {
					got = append(got, s.ResourceID+" "+s.Name)
				}
				slices.Sort(got)
				if !slices.Equal(got, test.want) {
					t.Errorf("sampled at once: %v, want %v", got, test.want)
				}
				run(plain(t), time.Second)
				run(plain(t), 12*time.Second)
				twice(t, writer.all())
			})
		})
	}
}

// What had failed before is polled at once: nothing was sampled that could be doubled.
func TestTakeoverAfterFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		writer := &sink{}
		var history pollster.History
		down := true
		row := plugin("p", pollFunc(func(_ context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
			return func(yield func(metering.Sample, error) bool) {
				if down {
					yield(metering.Sample{}, errDown)
					return
				}
				readings("m")(nil, rs)(yield)
			}
		}), "m")
		for _, d := range seconds(1, 1, 1) {
			newBench(t, pollster.Config{
				Sources: []pollster.Source{source(t, "s", "*")}, Plugins: []pollster.Plugin{row}, Writer: writer, History: &history,
			}).runFor(t, d)
			down = false
		}
		if n := len(writer.all()); n != 2 {
			t.Errorf("%d samples, want one of each resource", n)
		}
	})
}

// Changes at any moment, while the clock wanders, double no id and leave no hole.
func TestTakeoverWanders(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			var skew atomic.Int64
			writer, begun := &sink{}, time.Now()
			var history pollster.History
			var r record
			for time.Since(begun) < 10*time.Minute {
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")}, Writer: writer, History: &history,
					Discoveries: []discovery.Plugin{things("a")}, Splay: 0.7,
					Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
						r.note(begun, rs)
					}), "m")},
				})
				b.SetWall(func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) })
				b.runFor(t, time.Duration(rnd.Int64N(int64([]time.Duration{time.Second, interval, time.Minute}[rnd.IntN(3)]))))
				if rnd.IntN(4) == 0 {
					skew.Add(int64(rnd.NormFloat64() * float64([]time.Duration{time.Second, interval, time.Hour}[rnd.IntN(3)])))
				}
			}
			twice(t, writer.all())
			times := r.times()
			for i, at := range times[1:] {
				if gap := at - times[i]; gap > 4*interval {
					t.Errorf("seed %d: nothing polled from %v to %v", seed, times[i], at)
				}
			}
		})
	}
}
