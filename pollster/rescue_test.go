package pollster_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pollster"
)

// both is a bulk pollster and one that is spread, for one source.
func both(t *testing.T, every time.Duration, hook func(ctx context.Context, rs []discovery.Resource)) pollster.Config {
	t.Helper()
	src := source(t, "s", "*")
	src.Interval = every
	if hook == nil {
		hook = func(context.Context, []discovery.Resource) {}
	}
	spread := plugin("q", readings("n").before(hook), "n")
	spread.PerResource = true
	return pollster.Config{
		Sources: []pollster.Source{src}, Discoveries: shared(500), Splay: 0.7,
		Plugins: []pollster.Plugin{plugin("p", readings("m").before(hook), "m"), spread},
	}
}

// What a worker leaves behind is polled by the others, in the same cycle or just after it,
// whenever it ends and however.
func TestNothingIsLostOrDoubled(t *testing.T) {
	const every, cycles = 30 * time.Second, 5
	config := func(t *testing.T) pollster.Config {
		c := both(t, every, func(ctx context.Context, _ []discovery.Resource) {
			select {
			case <-time.After(900 * time.Millisecond):
			case <-ctx.Done():
				runtime.Goexit() // without a sample
			}
		})
		c.Splay = 0.96
		return c
	}
	for name, test := range map[string]struct {
		end     func(t *testing.T, cl *cluster, p *process)
		rescues bool
	}{
		"killed":  {func(_ *testing.T, _ *cluster, p *process) { p.kill() }, true},
		"stopped": {func(_ *testing.T, _ *cluster, p *process) { p.stop() }, true},
		"restarted": {func(t *testing.T, cl *cluster, p *process) {
			p.stop()
			cl.start(t, "m2", config(t))
		}, false},
		"killed and restarted": {func(t *testing.T, cl *cluster, p *process) {
			p.kill()
			<-time.After(2 * time.Second)
			cl.start(t, "m2", config(t))
		}, false},
		"joined by another": {func(t *testing.T, cl *cluster, _ *process) { cl.start(t, "m4", config(t)) }, false},
	} {
		for _, at := range seconds(30, 37.3, 45, 52.5, 57, 58.5, 59.99) {
			t.Run(fmt.Sprint(name, " at ", at), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					cl := newCluster()
					first, third := cl.start(t, "m1", config(t)), cl.start(t, "m3", config(t))
					second := cl.start(t, "m2", config(t))
					<-time.After(at)
					test.end(t, cl, second)
					<-time.After((cycles+1)*every - time.Millisecond - time.Since(midnight()))
					for _, meter := range []string{"m", "n"} {
						cl.everyCycle(t, meter, 500, cycles, every)
					}
					if n := sum(t, "partitions_polled_total", "rescue", first, second, third); n > 0 && !test.rescues {
						t.Errorf("%v partitions rescued", n)
					}
				})
			})
		}
	}
}

// sum adds up a metric of several workers.
func sum(t *testing.T, name, label string, ps ...*process) (n float64) {
	t.Helper()
	for _, p := range ps {
		n += p.value(t, name, strings.Fields(label)...)
	}
	return n
}

// A rescue shows in the metrics, the log and the status.
func TestRescueIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster()
		first := cl.start(t, "m1", both(t, time.Minute, nil))
		second := cl.start(t, "m2", both(t, time.Minute, nil))
		<-time.After(61 * time.Second)
		second.kill()
		<-time.After(60 * time.Second)
		if n := sum(t, "partitions_polled_total", "rescue", first); n < 300 {
			t.Errorf("%v partitions rescued, want most of what the other owned", n)
		}
		if n := first.logged("rescuing partitions of members that are gone"); n != 2 {
			t.Errorf("%d lines about rescues, want one for each pollster:\n%s", n, &first.log.buf)
		}
		if n := first.logged("partitions are lost"); n != 0 {
			t.Errorf("log:\n%s", &first.log.buf)
		}
		groups := first.Status().Groups
		if len(groups) != 1 || groups[0].Name != "global" || !groups[0].Joined || groups[0].Alone || len(groups[0].Ring.View().Members) != 1 {
			t.Fatalf("groups %+v", groups)
		}
		for i, ledger := range []string{"s/p", "s/q"} {
			c := groups[0].Cycles[i]
			if c.Ledger != ledger || c.Number != midnight().Unix()/60+1 || c.Lost != 0 || c.Coverage.Rescued < 150 ||
				c.Coverage.Done != c.Coverage.Expected || c.Coverage.Expected < 400 {
				t.Errorf("cycle %+v", c)
			}
			first.check(t, map[string]float64{
				"cycle_partitions done " + ledger: float64(c.Coverage.Expected), "cycle_partitions lost " + ledger: 0,
				"lost_partitions_total " + ledger: 0,
			})
		}
	})
}

// A worker that stops finishes what it polls, and the others do the rest.
func TestGracefulStop(t *testing.T) {
	for name, test := range map[string]struct {
		drain  time.Duration
		within time.Duration
	}{
		"drains":     {10 * time.Second, 4 * time.Second},
		"is cut off": {0, 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl := newCluster()
				slow := func(ctx context.Context, _ []discovery.Resource) {
					select {
					case <-time.After(4 * time.Second):
					case <-ctx.Done():
						runtime.Goexit()
					}
				}
				c := both(t, time.Minute, slow)
				c.Drain = test.drain
				cl.start(t, "m1", both(t, time.Minute, nil))
				second := cl.start(t, "m2", c)
				<-time.After(85 * time.Second)
				second.stop()
				if took := time.Since(midnight()) - 85*time.Second; took > test.within {
					t.Errorf("stopped after %v, want %v", took, test.within)
				}
				<-time.After(4*time.Minute - time.Millisecond - time.Since(midnight()))
				for _, meter := range []string{"m", "n"} {
					cl.everyCycle(t, meter, 500, 4, time.Minute)
				}
				if n := sum(t, "handbacks_total", "", second); (n > 0) != (test.drain == 0) {
					t.Errorf("%v claims handed back", n)
				}
			})
		})
	}
}

// Late in the cycle others take what a slow member has not begun.
func TestStealing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster()
		slow := func(ctx context.Context, rs []discovery.Resource) {
			select {
			case <-time.After(4500 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		thief := cl.start(t, "m1", both(t, time.Minute, nil))
		victim := cl.start(t, "m2", both(t, time.Minute, slow))
		<-time.After(4*time.Minute - time.Millisecond)
		for _, meter := range []string{"m", "n"} {
			cl.everyCycle(t, meter, 500, 4, time.Minute)
		}
		if n := sum(t, "partitions_polled_total", "steal", thief); n < 3*50 {
			t.Errorf("%v partitions stolen, want those that the other has no time for", n)
		}
		if n := sum(t, "partitions_polled_total", "steal", victim); n != 0 {
			t.Errorf("the slow one has stolen %v", n)
		}
		if n := sum(t, "partitions_polled_total", "rescue", thief, victim); n != 0 {
			t.Errorf("%v partitions rescued of members that live", n)
		}
	})
}

// A poll of which nothing was written is made once more, by whoever has time, and no oftener.
func TestHandback(t *testing.T) {
	for name, test := range map[string]struct {
		members []string
		well    int // attempt that succeeds
		polled  int // times
	}{
		"alone":            {[]string{"m1"}, 2, 2},
		"together":         {[]string{"m1", "m2", "m3"}, 2, 2},
		"alone, for ever":  {[]string{"m1"}, 99, 2},
		"together and ill": {[]string{"m1", "m2"}, 99, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				attempts := map[string]int{}
				row := plugin("p", pollFunc(func(_ context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
					return func(yield func(metering.Sample, error) bool) {
						mu.Lock()
						var ready []discovery.Resource
						for _, r := range rs {
							key := fmt.Sprintf("%s in %d", r.ResourceKey(), time.Since(midnight())/time.Minute)
							if attempts[key]++; attempts[key] == test.well {
								ready = append(ready, r)
							}
						}
						mu.Unlock()
						if len(ready) < len(rs) {
							yield(metering.Sample{}, errDown)
							return
						}
						readings("m")(nil, ready)(yield)
					}
				}), "m")
				row.PerResource = true
				cl := newCluster()
				var ps []*process
				for _, id := range test.members {
					c := both(t, time.Minute, nil)
					c.Plugins = []pollster.Plugin{row}
					ps = append(ps, cl.start(t, id, c))
				}
				<-time.After(4*time.Minute - time.Millisecond)
				if test.well == 2 {
					cl.everyCycle(t, "m", 500, 4, time.Minute)
				} else if n := sum(t, "lost_partitions_total", "", ps...); n == 0 {
					t.Error("the loss is not counted")
				}
				for key, n := range attempts {
					if n != test.polled {
						t.Fatalf("%s polled %d times, want %d", key, n, test.polled)
					}
				}
				if sum(t, "handbacks_total", "", ps...) == 0 {
					t.Error("handbacks are not counted")
				}
			})
		})
	}
}

// unsure is a bench whose claims cannot be confirmed for the first 20 seconds, after a cycle.
func unsure(t *testing.T, why error) *bench {
	t.Helper()
	w := watch(local.New())
	w.refuse = func(request string) error {
		if request == "check" && time.Since(midnight()) < 20*time.Second {
			return why
		}
		return nil
	}
	c := both(t, time.Minute, nil)
	c.Groups = groups(t, w, "me")
	b := newBench(t, c)
	b.runFor(t, time.Minute-time.Millisecond)
	b.check(t, map[string]float64{
		"samples_total m written": 500, "samples_total n written": 500, "samples_total m lost": 0,
	})
	twice(t, b.sink.all())
	return b
}

// Samples whose claims have passed to another worker are not written, and whoever may polls
// the same again.
func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := unsure(t, partition.ErrNotHeld)
		b.check(t, map[string]float64{"polls_total fenced": 2})
		if n := b.value(t, "samples_total", "fenced"); n < 2*50 || n > 2*150 { // batches that were on their way
			t.Errorf("%v samples fenced", n)
		}
		if n := b.logged("samples are not published"); n != 2 {
			t.Errorf("%d lines, want one for each pollster:\n%s", n, &b.log.buf)
		}
	})
}

// While nobody can say whether claims hold, samples wait and are neither lost nor polled again.
func TestUnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := unsure(t, partition.ErrFenced)
		b.check(t, map[string]float64{"samples_total m fenced": 0, "polls_total fenced": 0})
	})
}
