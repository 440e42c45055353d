package pollster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

// localAndShared is a configuration with a pollster of this host and one that is divided.
func localAndShared(t *testing.T, gs *pollster.Groups) pollster.Config {
	t.Helper()
	host := plugin("host", readings("l"), "l")
	host.Discovery = "host"
	return pollster.Config{
		Sources: []pollster.Source{source(t, "s", "*")}, Groups: gs, Namespaces: []string{"central"},
		Discoveries: append(shared(100), lists("host", discovery.Local, fixed(resources("host")))),
		Plugins:     []pollster.Plugin{plugin("p", readings("m"), "m"), host},
	}
}

// Until a group can be joined, what is divided waits, or is polled as if alone.
func TestGroupCannotBeJoined(t *testing.T) {
	mismatch := &partition.MismatchError{Group: "central-global", Theirs: "partitions=1", Ours: "partitions=2"}
	for name, test := range map[string]struct {
		err     error
		standIn bool
		shared  int // samples
		line    string
		back    string
	}{
		"wait":               {errDown, false, 3 * 100, "group cannot be joined", "group joined"},
		"alone":              {errDown, true, 6 * 100, "working alone", "group joined"},
		"mismatch":           {mismatch, false, 3 * 100, "partitions is 1 there and 2 here", "group joined"},
		"mismatch and alone": {mismatch, true, 3 * 100, "group works with other settings", "group joined"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(local.New())
				var attempts atomic.Int32
				w.refuse = func(request string) error {
					if request == "join" && time.Since(midnight()) < 20500*time.Millisecond {
						attempts.Add(1)
						return test.err
					}
					return nil
				}
				log := &buffer{}
				c := pollster.GroupsConfig{Coordinator: w, Member: partition.Member{ID: "me", Weight: 1}, Logger: slog.New(slog.NewTextHandler(log, nil))}
				if test.standIn {
					c.StandIn = local.New()
				}
				gs := pollster.NewGroups(c)
				b := newBench(t, localAndShared(t, gs))
				time.AfterFunc(15*time.Second, func() {
					st := b.Status().Groups[0]
					alone := test.standIn && errors.Is(test.err, errDown)
					if st.Joined || st.Alone != alone || !strings.Contains(st.Problem, test.err.Error()) || (st.Ring != nil) != alone {
						t.Errorf("status %+v", st)
					}
				})
				b.runFor(t, 55*time.Second)
				if n := b.sink.of("l"); n != 6 {
					t.Errorf("%d samples of the local pollster, want 6", n)
				}
				got := b.sink.of("m")
				if test.standIn && errors.Is(test.err, errDown) && got != test.shared || got < 200 || got > test.shared+100 {
					t.Errorf("%d samples of what is divided, want %d", got, test.shared)
				}
				twice(t, b.sink.all())
				if log.count(test.line) != 1 || log.count(test.back) != 1 {
					t.Errorf("want one line at each change:\n%s", &log.buf)
				}
				if n := attempts.Load(); n < 1 || errors.Is(test.err, mismatch) && n > 1 {
					t.Errorf("%d attempts to join", n)
				}
				if st := b.Status().Groups[0]; !st.Joined || st.Alone || st.Problem != "" {
					t.Errorf("status %+v", st)
				}
				if err := gs.Leave(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Nothing that is divided is opened before joins have settled; what is local is polled meanwhile.
func TestJoinSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := worker.New(local.NewBackend(), worker.Config{Settings: partition.DefaultSettings()})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var divided, host record
		config := localAndShared(t, groups(t, c, "me"))
		config.Plugins[0] = plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) { divided.note(begun, rs) }), "m")
		config.Plugins[1].New = func() (pollster.Pollster, error) {
			return readings("l").before(func(_ context.Context, rs []discovery.Resource) { host.note(begun, rs) }), nil
		}
		b := newBench(t, config)
		b.runFor(t, 25*time.Second)
		if got, want := host.times(), seconds(0, 10, 20); !slices.Equal(got, want) {
			t.Errorf("local polled at %v, want %v", got, want)
		}
		got := divided.times()
		if len(got) != 3 || got[0] < 5*time.Second || got[0] > 7*time.Second || got[1] != 10*time.Second {
			t.Errorf("divided polled at %v, want once the join has settled and then each cycle", got)
		}
		b.check(t, map[string]float64{"partitions_polled_total rescue": 0})
	})
}

// Numbers and timestamps are those of the group's clock once there is one, also where that
// means to go back.
func TestGroupsClock(t *testing.T) {
	for name, skew := range map[string]time.Duration{"ahead": 45 * time.Second, "behind": -45 * time.Second, "a little ahead": 9 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(local.New())
				w.refuse = func(request string) error {
					if request == "join" && time.Since(midnight()) < 12500*time.Millisecond {
						return errDown
					}
					return nil
				}
				b := newBench(t, localAndShared(t, groups(t, w, "me")))
				b.SetWall(func() time.Time { return time.Now().Add(skew).Round(0) })
				b.runFor(t, 55*time.Second)
				cycles := map[int64]int{}
				for _, s := range b.sink.all() {
					if s.Name != "m" {
						continue
					}
					at, err := s.Time()
					if err != nil {
						t.Fatal(err)
					}
					k := at.Unix() / 10
					if s.ID != metering.SampleID("s", s.ResourceID, "m", k, 0) {
						t.Fatalf("the sample of %v does not have the number of its cycle", at)
					}
					cycles[k-midnight().Unix()/10]++
				}
				if len(cycles) < 4 || cycles[2] != 100 || cycles[3] != 100 || cycles[4] != 100 || cycles[5] != 100 {
					t.Errorf("samples by cycle of the group: %v", cycles)
				}
				twice(t, slices.DeleteFunc(b.sink.all(), func(s metering.Sample) bool { return s.Name == "l" && skew > 2*interval }))
			})
		})
	}
}

// Each discovery's group and each static set divides its own resources; what is both
// discovered and written down is the discovery's.
func TestGroupsOfResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(local.New())
		writer := &sink{}
		for _, id := range []string{"m1", "m2"} {
			s := source(t, "s", "*")
			s.Resources = []discovery.Static{"b", "a", "shared/1", "a"}
			s.Discovery = []discovery.Ref{{Name: "things"}, {Name: "racks"}, {Name: "host"}}
			u := source(t, "u", "*")
			u.Resources = []discovery.Static{"shared/2", "b", "a", "shared/1", "host/1"}
			racks := lists("racks", discovery.Shared, fixed(numbered("rack", 10)))
			racks.Group = "compute"
			b := newBench(t, pollster.Config{
				Sources: []pollster.Source{s, u}, Writer: writer, Groups: groups(t, w, id), Namespaces: []string{"central"},
				Discoveries: append(shared(10), racks, lists("host", discovery.Local, fixed(numbered("host", 2)))),
				Plugins:     []pollster.Plugin{plugin("p", readings("m"), "m")},
			})
			go b.runFor(t, 9*time.Second)
		}
		<-time.After(9500 * time.Millisecond)
		n := map[string]int{}
		for _, batch := range writer.batches {
			for _, s := range batch.samples {
				n[s.ResourceID]++
			}
		}
		for _, r := range slices.Concat(numbered("shared", 10), numbered("rack", 10), resources("a", "b")) {
			if key := r.ResourceKey(); n[key] != 1 {
				t.Errorf("%s polled %d times", key, n[key])
			}
		}
		for _, r := range numbered("host", 2) {
			if key := r.ResourceKey(); n[key] != 2 {
				t.Errorf("%s polled %d times, want once by each member", key, n[key])
			}
		}
		slices.Sort(w.groups)
		got := slices.Compact(w.groups)
		if len(got) != 4 || got[0] != "central-compute" || got[1] != "central-global" ||
			!strings.HasPrefix(got[2], "central-static-") || len(got[3]) != len("central-static-0123456789abcdef") {
			t.Errorf("groups %q", got)
		}
	})
}

// A reload is no departure; groups that are not needed any more are left.
func TestReloadKeepsMemberships(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(local.New())
		gs := groups(t, w, "me")
		writer := &sink{}
		var history pollster.History
		static := source(t, "t", "*")
		static.Resources = []discovery.Static{"x"}
		for i, extra := range [][]pollster.Source{{static}, nil, nil} {
			c := localAndShared(t, gs)
			c.Writer, c.History = writer, &history
			c.Sources = append(c.Sources, extra...)
			newBench(t, c).runFor(t, 13*time.Second)
			want := []int{0, 1, 1}
			if w.left != want[i] || len(w.groups) != 2 {
				t.Errorf("after %d schedulers %d groups are left of %q, want %d", i+1, w.left, w.groups, want[i])
			}
		}
		twice(t, writer.all())
		if n := writer.of("m"); n != 4*100+2 {
			t.Errorf("%d samples, want one of each of 100 in 4 cycles, and of the static one in 2", n)
		}
	})
}

// Whose member id is taken by another worker ends and says what to do.
func TestReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := local.New()
		first := newBench(t, localAndShared(t, groups(t, c, "me")))
		ended := make(chan error, 1)
		go func() { ended <- first.Run(t.Context()) }()
		<-time.After(12 * time.Second)
		second := newBench(t, localAndShared(t, groups(t, c, "me")))
		second.runFor(t, 30*time.Second)
		select {
		case err := <-ended:
			if !errors.Is(err, partition.ErrReplaced) || !strings.Contains(err.Error(), "member_id") {
				t.Errorf("Run: %v", err)
			}
		default:
			t.Error("the first worker goes on")
		}
		twice(t, slices.DeleteFunc(append(first.sink.all(), second.sink.all()...), func(s metering.Sample) bool { return s.Name == "l" }))
	})
}

// named is a resource that can travel.
type named struct{ Name string }

func (n named) ResourceKey() string { return n.Name }

// One worker lists for all, another when it is gone.
func TestSharedDiscovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newCluster()
		var mu = make(chan struct{}, 1)
		listings := map[string]int{} // by worker and cycle
		var ps []*process
		for _, id := range []string{"m1", "m2", "m3"} {
			c := both(t, time.Minute, nil)
			c.ShareDiscovery = true
			row := lists("things", discovery.Shared, func(context.Context, string) ([]discovery.Resource, error) {
				mu <- struct{}{}
				defer func() { <-mu }()
				listings[fmt.Sprint(id, " ", int(time.Since(midnight())/time.Minute))]++
				var rs []discovery.Resource
				for _, r := range numbered("shared", 500) {
					rs = append(rs, named{r.ResourceKey()})
				}
				return rs, nil
			})
			row.Decode = func(data []byte) (discovery.Resource, error) {
				var n named
				err := json.Unmarshal(data, &n)
				return n, err
			}
			c.Discoveries = []discovery.Plugin{row}
			ps = append(ps, cl.start(t, id, c))
		}
		<-time.After(2*time.Minute + 30*time.Second)
		perCycle := func() map[string]string {
			mu <- struct{}{}
			defer func() { <-mu }()
			by := map[string]string{}
			for key, n := range listings {
				id, cycle, _ := strings.Cut(key, " ")
				if n != 1 || cycle != "0" && by[cycle] != "" {
					t.Errorf("cycle %s listed by %s %d times, and by %q", cycle, id, n, by[cycle])
				}
				by[cycle] = id
			}
			return by
		}
		owner := perCycle()["2"]
		for i, id := range []string{"m1", "m2", "m3"} {
			if id == owner {
				ps[i].kill()
			}
		}
		<-time.After(4*time.Minute - time.Millisecond - time.Since(midnight()))
		if heir := perCycle()["3"]; heir == "" || heir == owner {
			t.Errorf("the cycle after the death of %s is listed by %q", owner, heir)
		}
		cl.everyCycle(t, "m", 500, 4, time.Minute)
		cl.everyCycle(t, "n", 500, 4, time.Minute)
		if n := sum(t, "discovery_lists_total", "read", ps...); n < 2*3 {
			t.Errorf("%v lists read, want two in each of the cycles after the first", n)
		}
	})
}
