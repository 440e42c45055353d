package pollster_test

import (
	"context"
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

// Polls start at once, and then at each boundary of the wall clock.
func TestBoundaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(3 * time.Second) // the clock of a test starts on a boundary
		var r record
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")},
			Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
				r.note(time.Now().Add(-time.Since(midnight())), rs)
			}), "m")},
		})
		b.runFor(t, 40*time.Second)
		if got, want := r.times(), seconds(3, 10, 20, 30, 40); !slices.Equal(got, want) {
			t.Errorf("polled at %v, want %v", got, want)
		}
		for key, n := range r.perCycle() {
			if n != 1 {
				t.Errorf("%s polled %d times", key, n)
			}
		}
		b.check(t, map[string]float64{
			"cycles_total": 5, "polls_total p ok": 5, "samples_total m written": 10, "overruns_total": 0,
			"resources": 0, // removed at the end
		})
		if b.log.buf.Len() > 0 {
			t.Errorf("logged:\n%s", &b.log.buf)
		}
		samples := b.sink.all()
		if s := samples[0]; s.Timestamp != "2000-01-01T00:00:03" || s.Source != "openstack" ||
			s.ID != metering.SampleID("s", "a", "m", midnight().Unix()/10, 0) {
			t.Errorf("first sample: %+v", s)
		}
		ids := map[string]bool{}
		for _, s := range samples {
			ids[s.ID] = true
		}
		if len(ids) != len(samples) {
			t.Errorf("%d ids for %d samples", len(ids), len(samples))
		}
	})
}

// midnight is when the clock of a test starts.
func midnight() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func TestOverrun(t *testing.T) {
	for name, test := range map[string]struct {
		takes    time.Duration // what the first poll takes
		obeys    bool          // ends with its context
		polls    []time.Duration
		outcome  string
		overruns float64
	}{
		"fits":               {9 * time.Second, true, seconds(0, 10, 20, 30), "ok", 0},
		"cut off":            {time.Hour, true, seconds(0, 10, 20, 30), "timeout", 1},
		"a little late":      {10100 * time.Millisecond, false, seconds(0, 10.1, 20, 30), "timeout", 1},
		"stuck for a moment": {11500 * time.Millisecond, false, seconds(0, 20, 30), "stuck", 1},
		"stuck for three":    {25 * time.Second, false, seconds(0, 30), "stuck", 1},
		"stuck for two":      {20500 * time.Millisecond, false, seconds(0, 30), "stuck", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var r record
				begun := time.Now()
				var running atomic.Int32
				other := &record{}
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")},
					Plugins: []pollster.Plugin{
						plugin("slow", readings("m").before(func(ctx context.Context, rs []discovery.Resource) {
							r.note(begun, rs)
							if running.Add(1) > 1 {
								t.Error("two polls at once")
							}
							defer running.Add(-1)
							if len(r.times()) > 1 {
								return
							}
							if !test.obeys {
								ctx = context.WithoutCancel(ctx)
							}
							select {
							case <-time.After(test.takes):
							case <-ctx.Done():
							}
						}), "m"),
						plugin("quick", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
							other.note(begun, rs)
						}), "m"),
					},
				})
				b.runFor(t, 35*time.Second)
				if got := r.times(); !slices.Equal(got, test.polls) {
					t.Errorf("polled at %v, want %v", got, test.polls)
				}
				if got, want := other.times(), seconds(0, 10, 20, 30); !slices.Equal(got, want) {
					t.Errorf("the other polled at %v, want %v", got, want)
				}
				if n := b.value(t, "overruns_total", "slow"); n != test.overruns {
					t.Errorf("%v overruns, want %v", n, test.overruns)
				}
				if n := b.value(t, "polls_total", "slow", test.outcome); n < 1 {
					t.Errorf("no poll with outcome %q", test.outcome)
				}
				if n := b.logged("cycle was not over"); float64(n) != test.overruns {
					t.Errorf("%d warnings, want %v", n, test.overruns)
				}
				b.check(t, map[string]float64{"stuck_polls": 0})
			})
		})
	}
}

// A pollster that never fits is polled in each cycle, warned about once and never piles up.
func TestNoPileUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var r record
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")},
			Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(ctx context.Context, rs []discovery.Resource) {
				r.note(begun, rs)
				<-ctx.Done()
			}), "m")},
		})
		b.runFor(t, 55*time.Second)
		if got, want := r.times(), seconds(0, 10, 20, 30, 40, 50); !slices.Equal(got, want) {
			t.Errorf("polled at %v, want %v", got, want)
		}
		b.check(t, map[string]float64{"overruns_total": 5, "polls_total timeout": 5, "polls_total canceled": 1})
		if n := b.logged("cycle was not over"); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
		if st := b.Status().Pollsters[0]; st.Overruns != 5 || st.LastError == "" || st.Running {
			t.Errorf("status: %+v", st)
		}
	})
}

// What a cycle has not polled when it ends is left out: neither the other resources of a
// spread pollster nor those of other sources are polled past it.
func TestRestOfCycleIsLeftOut(t *testing.T) {
	for name, perResource := range map[string]bool{"bulk": false, "spread": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var r record
				row := plugin("p", readings("m").before(func(ctx context.Context, rs []discovery.Resource) {
					r.note(begun, rs)
					<-ctx.Done()
				}), "m")
				row.PerResource = perResource
				other := source(t, "t", "*")
				other.Resources = []discovery.Static{"c"}
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*"), other}, Plugins: []pollster.Plugin{row}, Splay: 0.7,
				})
				b.runFor(t, 40*time.Second)
				for i, c := range r.calls[1:] {
					if last := r.calls[i]; c.at < last.at+interval/4 {
						t.Errorf("polled at %v and %v", last.at, c.at)
					}
				}
				if n := len(r.calls); n < 3 || n > 4 {
					t.Errorf("%d polls, want one per cycle", n)
				}
			})
		})
	}
}

// Bulk polls keep one phase per member; those of other members differ.
func TestBulkSplay(t *testing.T) {
	phases := map[time.Duration]bool{}
	for _, member := range []string{"m1", "m2", "m3", "m4"} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			var r record
			c := pollster.Config{
				Sources: []pollster.Source{source(t, "s", "*")}, Splay: 0.7,
				Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
					r.note(begun, rs)
				}), "m")},
			}
			c.Groups = groups(t, local.New(), member)
			newBench(t, c).runFor(t, 50*time.Second)
			times := r.times()
			if len(times) < 4 || times[0] != 0 {
				t.Fatalf("polled at %v, want at once and then each cycle", times)
			}
			phase := times[1] - interval
			if phase < 0 || phase >= 7*time.Second {
				t.Errorf("phase %v, want within 70%% of the interval", phase)
			}
			for i, at := range times[1:] {
				if at != time.Duration(i+1)*interval+phase {
					t.Errorf("polled at %v, want the phase %v each time", times, phase)
				}
			}
			phases[phase] = true
		})
	}
	if len(phases) != 4 {
		t.Errorf("4 members have %d phases", len(phases))
	}
}

// Polls that cost a call per resource are spread, and each resource keeps its slot.
func TestResourceSplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		var r record
		row := plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) { r.note(begun, rs) }), "m")
		row.PerResource = true
		src := source(t, "s", "*")
		src.Splay = 0.5
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{src}, Plugins: []pollster.Plugin{row},
			Discoveries: []discovery.Plugin{lists("things", discovery.Local, func(context.Context, string) ([]discovery.Resource, error) {
				return numbered("r", 1000), nil
			})},
		})
		b.runFor(t, 30*time.Second-time.Nanosecond)
		slots := map[string]time.Duration{}
		for _, c := range r.calls {
			switch {
			case c.at == 0 && len(c.keys) != 1000:
				t.Errorf("%d resources at once at the start, want all", len(c.keys))
			case c.at > 0 && len(c.keys) > 90:
				t.Errorf("%d resources at %v, want about 40", len(c.keys), c.at)
			case c.at > 0 && (c.at < interval || c.at%interval >= interval/2):
				t.Errorf("polled at %v, want within half of the interval", c.at)
			}
			for _, key := range c.keys {
				if slot, known := slots[key]; known && slot != c.at%interval {
					t.Errorf("%s polled at %v and %v of its cycle", key, slot, c.at%interval)
				}
				if c.at > 0 {
					slots[key] = c.at % interval
				}
			}
		}
		distinct := map[time.Duration]bool{}
		for _, slot := range slots {
			distinct[slot] = true
		}
		if n := len(distinct); n < 22 || n > 26 {
			t.Errorf("%d different slots, want about 25", n)
		}
		counts := r.perCycle()
		if len(counts) != 3000 {
			t.Errorf("%d of 3000 (resource, cycle) polled", len(counts))
		}
		for key, n := range counts {
			if n != 1 {
				t.Errorf("%s polled %d times", key, n)
			}
		}
	})
}

// However the wall clock is set, no number runs twice and polling goes on.
func TestClockSteps(t *testing.T) {
	for name, step := range map[string]time.Duration{
		"back a little": -3 * time.Second, "back a cycle": -interval, "back an hour": -time.Hour, "back an odd while": -1234567 * time.Millisecond,
		"forward a little": 3 * time.Second, "forward an hour": time.Hour, "forward an odd while": 1234567 * time.Millisecond,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var skew atomic.Int64
				var r record
				begun := time.Now()
				b := newBench(t, pollster.Config{
					Sources:     []pollster.Source{source(t, "s", "*")},
					Discoveries: []discovery.Plugin{things("a")},
					Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) {
						r.note(begun, rs)
					}), "m")},
				})
				b.SetWall(func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) })
				set := time.AfterFunc(35*time.Second, func() { skew.Store(int64(step)) })
				defer set.Stop()
				b.runFor(t, 200*time.Second)
				ids := map[string]bool{}
				for _, s := range b.sink.all() {
					if ids[s.ID] {
						t.Errorf("id %s twice: a cycle number ran twice", s.ID)
					}
					ids[s.ID] = true
					at, err := s.Time()
					if err != nil {
						t.Fatal(err)
					}
					if want := metering.SampleID("s", "a", "m", at.Unix()/10, 0); step > 0 && s.ID != want {
						t.Errorf("the sample of %v does not have the number of its cycle", at)
					}
				}
				times := r.times()
				for i, at := range times[1:] {
					if gap := at - times[i]; gap > 2*interval {
						t.Errorf("nothing polled from %v to %v", times[i], at)
					}
				}
				if n := len(times); n < 18 || n > 22 {
					t.Errorf("%d polls in 200 s, want about 20: %v", n, times)
				}
				last := times[len(times)-1]
				if wall := last + step; wall%interval != 0 {
					t.Errorf("the last poll was at %v by the new clock, want a boundary", wall)
				}
			})
		})
	}
}

// With a concurrency of one, pollsters of a task take turns.
func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		slow := readings("m").before(func(context.Context, []discovery.Resource) {
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			<-time.After(time.Second)
			running.Add(-1)
		})
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")}, Concurrency: 2,
			Plugins: []pollster.Plugin{plugin("p1", slow, "m"), plugin("p2", slow, "m"), plugin("p3", slow, "m"), plugin("p4", slow, "m"), plugin("p5", slow, "m")},
		})
		b.runFor(t, 5*time.Second)
		if most.Load() != 2 || b.sink.of("m") != 10 {
			t.Errorf("%d at once, %d samples; want 2 and 10", most.Load(), b.sink.of("m"))
		}
	})
}

func TestOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		<-time.After(7 * time.Second)
		row := plugin("p", readings("m"), "m")
		row.PerResource = true
		hourly := source(t, "hourly", "q")
		hourly.Interval = time.Hour
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "m"), hourly}, Splay: 0.9,
			Plugins: []pollster.Plugin{row, plugin("q", readings("q"), "q")},
		})
		begun := time.Now()
		if err := b.Once(t.Context()); err != nil || time.Since(begun) != 0 {
			t.Errorf("Once: %v after %v, want it at once", err, time.Since(begun))
		}
		if b.sink.of("m") != 2 || b.sink.of("q") != 2 {
			t.Errorf("samples: %v", b.sink.all())
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.Once(ctx); err == nil {
			t.Error("Once with a context that has ended: no error")
		}
	})
}

// Any sequence of steps leaves each number at most one run, and polling alive.
func TestClockWanders(t *testing.T) {
	for seed := range uint64(30) {
		synctest.Test(t, func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 0))
			var skew atomic.Int64
			var r record
			begun := time.Now()
			b := newBench(t, pollster.Config{
				Sources:     []pollster.Source{source(t, "s", "*")},
				Discoveries: []discovery.Plugin{things("a")}, Splay: 0.7,
				Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(ctx context.Context, rs []discovery.Resource) {
					r.note(begun, rs)
				}), "m")},
			})
			b.SetWall(func() time.Time { return time.Now().Round(0).Add(time.Duration(skew.Load())) })
			for at := time.Second; at < 10*time.Minute; at += time.Minute + time.Duration(rnd.Int64N(int64(time.Minute))) {
				step := time.Duration(rnd.NormFloat64() * float64([]time.Duration{time.Second, interval, time.Hour}[rnd.IntN(3)]))
				defer time.AfterFunc(at, func() { skew.Add(int64(step)) }).Stop()
			}
			b.runFor(t, 12*time.Minute)
			ids := map[string]bool{}
			for _, s := range b.sink.all() {
				if ids[s.ID] {
					t.Errorf("seed %d: a cycle number ran twice", seed)
				}
				ids[s.ID] = true
			}
			times := append(r.times(), 12*time.Minute)
			for i, at := range times[1:] {
				if gap := at - times[i]; gap > 4*interval {
					t.Errorf("seed %d: nothing polled from %v to %v", seed, times[i], at)
				}
			}
		})
	}
}
