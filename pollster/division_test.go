package pollster_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
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

// watched records what is asked of the ledgers of another coordinator, and can refuse.
type watched struct {
	partition.Coordinator
	refuse func(request string) error // may be nil

	mu                      sync.Mutex
	groups                  []string
	left                    int
	claimed, done, released map[partition.Claim]int
}

func watch(c partition.Coordinator) *watched {
	return &watched{Coordinator: c, claimed: map[partition.Claim]int{}, done: map[partition.Claim]int{}, released: map[partition.Claim]int{}}
}

func (w *watched) ask(request string) error {
	if w.refuse == nil {
		return nil
	}
	return w.refuse(request)
}

func (w *watched) note(in map[partition.Claim]int, cs []partition.Claim) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range cs {
		in[c]++
	}
}

func (w *watched) Join(ctx context.Context, group string, m partition.Member) (partition.Membership, error) {
	if err := w.ask("join"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.groups = append(w.groups, group)
	w.mu.Unlock()
	joined, err := w.Coordinator.Join(ctx, group, m)
	if err != nil {
		return nil, err
	}
	return watchedMember{joined, w}, nil
}

type watchedMember struct {
	partition.Membership
	w *watched
}

func (m watchedMember) Leave(ctx context.Context) error {
	m.w.mu.Lock()
	m.w.left++
	m.w.mu.Unlock()
	return m.Membership.Leave(ctx)
}

func (m watchedMember) Cycle(ctx context.Context, c partition.Cycle) (partition.Ledger, error) {
	if err := m.w.ask("open"); err != nil {
		return nil, err
	}
	l, err := m.Membership.Cycle(ctx, c)
	if err != nil {
		return nil, err
	}
	return watchedLedger{l, m.w}, nil
}

type watchedLedger struct {
	partition.Ledger
	w *watched
}

func (l watchedLedger) Claim(ctx context.Context, why partition.Reason, parts ...int) ([]partition.Claim, error) {
	if err := l.w.ask("claim"); err != nil {
		return nil, err
	}
	if len(parts) > 256 {
		return nil, fmt.Errorf("%d partitions in a request", len(parts))
	}
	cs, err := l.Ledger.Claim(ctx, why, parts...)
	l.w.note(l.w.claimed, cs)
	return cs, err
}

func (l watchedLedger) Done(ctx context.Context, cs ...partition.Claim) error {
	if err := l.w.ask("done"); err != nil {
		return err
	}
	l.w.note(l.w.done, cs)
	return l.Ledger.Done(ctx, cs...)
}

func (l watchedLedger) Check(ctx context.Context, cs ...partition.Claim) error {
	if err := l.w.ask("check"); err != nil {
		return err
	}
	return l.Ledger.Check(ctx, cs...)
}

func (l watchedLedger) Release(ctx context.Context, cs ...partition.Claim) error {
	l.w.note(l.w.released, cs)
	return l.Ledger.Release(ctx, cs...)
}

func shared(n int) []discovery.Plugin {
	return []discovery.Plugin{lists("things", discovery.Shared, func(context.Context, string) ([]discovery.Resource, error) {
		return numbered("shared", n), nil
	})}
}

// Members of a group poll everything once between them, whatever the number of pollsters.
func TestMembersDivide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		w := watch(local.New())
		var p, q record
		writer := &sink{}
		var wg sync.WaitGroup
		for _, id := range []string{"m1", "m2", "m3"} {
			spread := plugin("q", readings("n").before(func(_ context.Context, rs []discovery.Resource) { q.note(begun, rs) }), "n")
			spread.PerResource = true
			src := source(t, "s", "*")
			src.Resources = []discovery.Static{"static"}
			src.Discovery = []discovery.Ref{{Name: "things"}}
			b := newBench(t, pollster.Config{
				Sources: []pollster.Source{src}, Discoveries: shared(1000), Splay: 0.7, Writer: writer,
				Groups: groups(t, w, id), Namespaces: []string{"compute", "central", "compute"}, GroupPrefix: "pool",
				Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(_ context.Context, rs []discovery.Resource) { p.note(begun, rs) }), "m"), spread},
			})
			wg.Go(func() {
				b.runFor(t, 40*time.Second-time.Nanosecond)
				if n := b.value(t, "samples_total", "written"); n < 3*2*100 {
					t.Errorf("member %s has written %v samples only", id, n)
				}
			})
		}
		wg.Wait()
		for name, r := range map[string]*record{"bulk": &p, "spread": &q} {
			counts := r.perCycle()
			if len(counts) != 4*1001 {
				t.Errorf("%s: %d of 4004 (resource, cycle) polled", name, len(counts))
			}
			for key, n := range counts {
				if n != 1 {
					t.Errorf("%s: %s polled %d times", name, key, n)
				}
			}
		}
		if n := len(writer.all()); n != 2*4*1001 {
			t.Errorf("%d samples, want %d", n, 2*4*1001)
		}
		for _, batch := range writer.batches {
			if len(batch.claims) == 0 {
				t.Fatal("samples of divided resources without claims")
			}
		}
		for c, n := range w.claimed {
			if n != 1 || w.done[c] != 1 || w.released[c] != 0 {
				t.Fatalf("%+v claimed %d, done %d, released %d times", c, n, w.done[c], w.released[c])
			}
		}
		slices.Sort(w.groups)
		if got := slices.Compact(w.groups); len(got) != 2 || got[0] != "central-compute-pool-global" ||
			!strings.HasPrefix(got[1], "central-compute-pool-static-") {
			t.Errorf("groups %q", got)
		}
	})
}

// Resources that only this host sees are neither divided nor claimed, even where another
// source holds the same ones as shared.
func TestLocalIsNotDivided(t *testing.T) {
	w := watch(local.New())
	other, err := w.Coordinator.Join(t.Context(), "compute", partition.Member{ID: "other", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Leave(context.WithoutCancel(t.Context())) }()
	both := source(t, "t", "*")
	both.Resources = []discovery.Static{"host/1", "host/2"}
	b := newBench(t, pollster.Config{
		Sources: []pollster.Source{source(t, "s", "*"), both}, Namespaces: []string{"compute"},
		Groups: groups(t, w, "me"),
		Discoveries: []discovery.Plugin{lists("things", discovery.Local, func(context.Context, string) ([]discovery.Resource, error) {
			return numbered("host", 100), nil
		})},
		Plugins: []pollster.Plugin{plugin("p", readings("m"), "m")},
	})
	if err := b.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.sink.all()); n != 100 || len(w.claimed) != 0 {
		t.Errorf("%d samples and %d claims, want 100 and none", n, len(w.claimed))
	}
	for _, batch := range b.sink.batches {
		if batch.claims != nil {
			t.Errorf("claims %v with local samples", batch.claims)
		}
	}
}

// Claims of what was not polled, or not written, are given back.
func TestClaimsAreReleased(t *testing.T) {
	for name, test := range map[string]struct {
		poll   func(ctx context.Context)
		write  error
		cancel bool
		done   bool
	}{
		"written": {func(context.Context) {}, nil, false, true},
		// The first sample is written: a second attempt would double it.
		"cut off":   {func(ctx context.Context) { <-ctx.Done() }, nil, false, true},
		"cancelled": {func(ctx context.Context) { <-ctx.Done() }, nil, true, true},
		"exit":      {func(ctx context.Context) { <-ctx.Done(); runtime.Goexit() }, nil, false, false},
		"panicked":  {func(context.Context) { panic("boom") }, nil, false, false},
		"stuck":     {func(context.Context) { <-time.After(12 * time.Second) }, nil, false, false},
		"lost":      {func(context.Context) {}, errRefused, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(local.New())
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")}, Discoveries: shared(10),
					Writer:  &sink{fail: func(context.Context, []metering.Sample) error { return test.write }},
					Groups:  groups(t, w, "me"),
					Plugins: []pollster.Plugin{plugin("p", readings("m").before(func(ctx context.Context, _ []discovery.Resource) { test.poll(ctx) }), "m")},
				})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.cancel {
					defer time.AfterFunc(3*time.Second, cancel).Stop()
				}
				if err := b.Once(ctx); err != nil && !test.cancel {
					t.Fatal(err)
				}
				<-time.After(5 * time.Second) // what is stuck comes back
				if len(w.claimed) != 10 {
					t.Errorf("%d claims, want 10", len(w.claimed))
				}
				for c := range w.claimed {
					if (w.done[c] == 1) != test.done || (w.released[c] == 1) == test.done {
						t.Errorf("%+v done %d, released %d times", c, w.done[c], w.released[c])
					}
				}
			})
		})
	}
}

// While the coordinator does not answer, what is local goes on.
func TestCoordinatorDown(t *testing.T) {
	for _, failing := range []string{"join", "open", "claim", "done"} {
		t.Run(failing, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				w := watch(local.New())
				w.refuse = func(request string) error {
					if request == failing && time.Since(begun) < 25*time.Second {
						return errRefused
					}
					return nil
				}
				local := plugin("local", readings("l"), "l")
				local.Discovery = "host"
				b := newBench(t, pollster.Config{
					Sources: []pollster.Source{source(t, "s", "*")}, Groups: groups(t, w, "me"),
					Discoveries: append(shared(300), lists("host", discovery.Local, func(context.Context, string) ([]discovery.Resource, error) {
						return resources("host"), nil
					})),
					Plugins: []pollster.Plugin{plugin("p", readings("m"), "m"), local},
				})
				b.runFor(t, 55*time.Second)
				// Without the group the first cycle is a little late.
				if n := b.sink.of("l"); n != 6 {
					t.Errorf("%d samples of the local pollster, want 6", n)
				}
				want := 4 * 300 // the rest of the third cycle is caught up on
				if failing == "done" {
					want = 6 * 300
				}
				if n := b.sink.of("m"); n != want && failing != "join" || n == 0 {
					t.Errorf("%d samples of what is divided, want %d", n, want)
				}
				if failing == "join" {
					return
				}
				if b.value(t, "claim_errors_total") == 0 {
					t.Error("the failures are not counted")
				}
				if n := b.logged("pollster has recovered"); n != 1 {
					t.Errorf("%d lines about the recovery, want 1:\n%s", n, &b.log.buf)
				}
			})
		})
	}
	w := watch(local.New())
	w.refuse = func(string) error { return errRefused }
	b := newBench(t, pollster.Config{Groups: groups(t, w, "me"), Sources: []pollster.Source{source(t, "s", "*")},
		Plugins: []pollster.Plugin{plugin("p", readings("m"), "m")}, Discoveries: shared(1)})
	if err := b.Once(t.Context()); err == nil {
		t.Error("Once without the group: no error")
	}
}
