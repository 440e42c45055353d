package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// TestCutOffAlone: a member that cannot reach the coordinator while others can stops before
// they take its share.
func TestCutOffAlone(t *testing.T) {
	for name, f := range map[string]fault{"refusing": {refuse: true}, "hanging": {hang: true}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b, _ := w.trio()
				w.reach(a, 0)
				la, lb := w.open(a), w.open(b)
				cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
				a.link.set(f)
				for a.State().Mode != partition.Fenced {
					<-a.Changed()
				}
				for _, seen := range w.server.look().Members {
					if seen.ID == "a" && seen.Deadline < time.Now().UnixMilli() {
						t.Error("the lease was over before the member stopped")
					}
				}
				if !strings.Contains(a.State().Reason, "2 of 2 other members reach the coordinator") {
					t.Errorf("reason is %q", a.State().Reason)
				}
				if _, err := la.Claim(w.Context(), partition.Own, 3); !errors.Is(err, partition.ErrFenced) {
					t.Errorf("claiming: error %v, want ErrFenced", err)
				}
				if err := la.Check(w.Context(), cs...); !errors.Is(err, partition.ErrFenced) {
					t.Errorf("checking: error %v, want ErrFenced", err)
				}
				if _, err := a.Cycle(w.Context(), partition.Cycle{Source: "t", Number: a.cycle().Number, Interval: interval}); !errors.Is(err, partition.ErrFenced) {
					t.Errorf("opening: error %v, want ErrFenced", err)
				}
				pass(ttl)
				w.wantView(b, "b", "c")
				w.wantClaims(lb, partition.Rescue, []int{1, 2}, []int{1, 2})
				a.link.set(fault{})
				pass(2 * time.Second)
				w.wantMode(a, partition.Linked)
				if err := la.Check(w.Context(), cs...); !errors.Is(err, partition.ErrNotHeld) {
					t.Errorf("checking: error %v, want ErrNotHeld", err)
				}
			})
		})
	}
}

// TestOutageAfterSweep: a member whose share others have taken must not go on with it when
// the coordinator is away for all later on.
func TestOutageAfterSweep(t *testing.T) {
	for name, f := range map[string]func() fault{
		"cut off": func() fault { return fault{refuse: true} },
		"frozen":  freeze,
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b, c := w.trio()
				w.reach(a, 0)
				la, lb := w.open(a), w.open(b)
				a.link.set(f())
				pass(ttl + 4*time.Second)
				w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
				w.all(fault{refuse: true})
				pass(ttl + 4*time.Second)
				w.wantMode(b, partition.Away)
				w.wantMode(c, partition.Away)
				w.wantMode(a, partition.Fenced)
				if cs, err := la.Claim(w.Context(), partition.Own, 1); !errors.Is(err, partition.ErrFenced) {
					t.Errorf("claiming: %v and error %v, want ErrFenced", cs, err)
				}
				w.all(fault{})
				pass(4 * time.Second)
				w.wantMode(a, partition.Linked)
			})
		})
	}
}

// TestFrozenInAnOutage: nobody was swept, so a member that has slept may go on.
func TestFrozenInAnOutage(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, _ := w.trio()
		w.reach(a, 0)
		la := w.open(a)
		w.all(fault{refuse: true})
		pass(time.Second)
		a.link.set(freeze())
		pass(2 * ttl)
		a.link.set(fault{refuse: true})
		pass(2 * time.Second)
		w.wantMode(b, partition.Away)
		w.wantMode(a, partition.Away)
		own := slices.Collect(la.Ring().Owned("a"))
		w.wantClaims(la, partition.Own, own, own)
	})
}

// TestAnswersOfOthers says how a member that does not reach the coordinator decides.
func TestAnswersOfOthers(t *testing.T) {
	ask := func(a worker.Answers) func(context.Context, string, []string) worker.Answers {
		return func(context.Context, string, []string) worker.Answers { return a }
	}
	for _, c := range []struct {
		name         string
		ask          func(context.Context, string, []string) worker.Answers
		stopIsolated bool
		outage       time.Duration
		alone        bool
		want         partition.Mode
	}{
		{"one is linked", ask(worker.Answers{Answered: 2, Linked: 1}), false, 0, false, partition.Fenced},
		{"none is linked", ask(worker.Answers{Answered: 1}), true, 0, false, partition.Away},
		{"nobody answers", ask(worker.Answers{}), false, 0, false, partition.Away},
		{"nobody answers, stop", ask(worker.Answers{}), true, 0, false, partition.Fenced},
		{"cannot ask", nil, false, 0, false, partition.Away},
		{"cannot ask, stop", nil, true, 0, false, partition.Fenced},
		{"for too long", ask(worker.Answers{Answered: 1}), false, 30 * time.Second, false, partition.Fenced},
		{"without end", ask(worker.Answers{Answered: 1}), false, -1, false, partition.Away},
		{"alone", nil, true, 0, true, partition.Away},
		{"alone for too long", nil, true, 30 * time.Second, true, partition.Fenced},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				config := w.config()
				config.Ask, config.StopIsolated, config.Outage = c.ask, c.stopIsolated, c.outage
				m, err := w.joinWith(config, "a")
				if err != nil {
					t.Fatal(err)
				}
				if !c.alone {
					w.drained("b")
				}
				pass(ttl)
				w.reach(m, 0)
				l := w.open(m)
				m.link.set(fault{refuse: true})
				pass(time.Minute)
				w.wantMode(m, c.want)
				cs, err := l.Claim(w.Context(), partition.Own, 1)
				if may := c.want == partition.Away; len(cs) == 1 != may || errors.Is(err, partition.ErrFenced) == may {
					t.Errorf("claiming: %v and error %v", cs, err)
				}
				m.link.set(fault{})
				pass(2 * time.Second)
				w.wantMode(m, partition.Linked)
			})
		})
	}
}

// TestOutageHasAnEnd: the default is half an hour.
func TestOutageHasAnEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		pass(ttl)
		m.link.set(fault{refuse: true})
		pass(29 * time.Minute)
		w.wantMode(m, partition.Away)
		pass(time.Minute + 2*ttl)
		w.wantMode(m, partition.Fenced)
	})
}

// TestCutOffAtTheStart: when the view has changed since the last cycle, others may be on the
// new one, so a member that cannot ask the coordinator asks them.
func TestCutOffAtTheStart(t *testing.T) {
	for _, alone := range []bool{true, false} {
		t.Run(fmt.Sprint(alone), func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, _, _ := w.trio()
				w.reach(a, 0)
				old := w.open(a)
				w.join("d")
				pass(ttl / 5)
				w.wantView(a, "a", "b", "c", "d")
				w.reach(a, -4*time.Second)
				if alone {
					a.link.set(fault{refuse: true})
				} else {
					w.all(fault{refuse: true})
				}
				w.reach(a, 0)
				w.wantMode(a, partition.Away)
				l, err := a.Cycle(w.Context(), a.cycle())
				switch {
				case alone && !errors.Is(err, partition.ErrFenced):
					t.Errorf("error %v, want ErrFenced", err)
				case !alone && err != nil:
					t.Error(err)
				case !alone && l.Ring().View().Epoch != old.Ring().View().Epoch:
					t.Errorf("epoch %d, want that of the cycle before", l.Ring().View().Epoch)
				}
			})
		})
	}
}

// TestNotInTheNewestView: who was swept and is not back in a view yet has no share to go on
// with.
func TestNotInTheNewestView(t *testing.T) {
	inWorld(t, func(w *world) {
		config := w.config()
		config.Settle = 0 // the default, so that its join waits
		a, err := w.joinWith(config, "a")
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.joinWith(config, "b")
		if err != nil {
			t.Fatal(err)
		}
		pass(ttl)
		w.reach(a, 0)
		la := w.open(a)
		a.link.set(freeze())
		pass(2 * ttl)
		w.wantView(b, "b")
		a.link.set(fault{})
		pass(2 * time.Second)
		w.wantMode(a, partition.Joining)
		w.all(fault{refuse: true})
		pass(2 * time.Second)
		w.wantMode(a, partition.Away)
		own := slices.Collect(la.Ring().Owned("a")) // b may have rescued them
		if cs, err := la.Claim(w.Context(), partition.Own, own...); !errors.Is(err, partition.ErrFenced) {
			t.Errorf("claiming: %v and error %v, want ErrFenced", cs, err)
		}
		next := a.cycle()
		next.Number++
		w.reach(a, 0)
		if l, err := a.Cycle(w.Context(), next); err == nil {
			t.Errorf("a cycle was opened on %v", l.Ring().View())
		}
	})
}
