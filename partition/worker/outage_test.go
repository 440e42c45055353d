package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// TestOutage: members go on with what is theirs, without waiting, and nothing is lost or
// done twice.
func TestOutage(t *testing.T) {
	for name, f := range map[string]fault{"refusing": {refuse: true}, "hanging": {hang: true}} {
		for _, length := range []time.Duration{5 * time.Second, 20 * time.Second, 150 * time.Second} {
			t.Run(fmt.Sprintf("%s for %v", name, length), func(t *testing.T) {
				inWorld(t, func(w *world) {
					a, b, c := w.trio()
					r := newRecord(a, b, c)
					w.reach(a, 0)
					stop := r.poll(w, a, b, c)
					pass(interval + 17*time.Second)
					w.all(f)
					pass(length)
					w.all(fault{})
					pass(5 * time.Second)
					for _, m := range []*member{a, b, c} {
						w.wantMode(m, partition.Linked)
						w.wantView(m, "a", "b", "c")
					}
					pass(2 * interval)
					stop()
					r.wantEachOnce(t)
				})
			})
		}
	}
}

func TestClaimsDoNotWaitForAnOutage(t *testing.T) {
	inWorld(t, func(w *world) {
		a, _, _ := w.trio()
		w.reach(a, 0)
		l := w.open(a)
		own := slices.Collect(l.Ring().Owned("a"))
		w.all(fault{hang: true})
		cs := []partition.Claim{}
		var longest time.Duration
		total := took(func() {
			for _, p := range own {
				longest = max(longest, took(func() {
					cs = append(cs, w.wantClaims(l, partition.Own, []int{p}, []int{p})...)
				}))
				w.wantClaims(l, partition.Own, []int{p}, nil) // once
				for _, why := range []partition.Reason{partition.Rescue, partition.Steal} {
					w.wantClaims(l, why, []int{divided - 1 - p}, nil)
				}
				if err := l.Check(w.Context(), cs...); err != nil {
					t.Error(err)
				}
			}
			if err := l.Done(w.Context(), cs...); err != nil {
				t.Error(err)
			}
			if _, err := l.Unfinished(w.Context(), 1, 2, 3); err == nil {
				t.Error("the coordinator was away and has listed something")
			}
		})
		if total > 7*time.Second || longest > 6*time.Second {
			t.Errorf("calls took %v in all and %v at most; a request and a heartbeat take 2 s", total, longest)
		}
		if most := 5 * time.Second; took(func() { _, _ = a.Cycle(w.Context(), a.cycle()) }) > most {
			t.Errorf("opening took longer than %v", most)
		}
	})
}

// TestJournalComesFirst: what was done while the coordinator was away is handed in before
// anybody can take it, and nobody is swept.
func TestJournalComesFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		w.reach(a, 50*time.Second)
		for _, m := range []*member{a, b, c} {
			w.open(m)
		}
		w.all(fault{hang: true})
		w.reach(a, 0)
		l := w.open(a)
		own := slices.Collect(l.Ring().Owned("a"))
		cs := w.wantClaims(l, partition.Own, own, own)
		if err := l.Done(w.Context(), cs[1:]...); err != nil {
			t.Fatal(err)
		}
		pass(2 * ttl)
		back := time.Now()
		c.link.set(fault{}) // first
		pass(time.Second)
		lc := w.open(c)
		w.wantMode(c, partition.Linked)
		for _, why := range []partition.Reason{partition.Rescue, partition.Steal} {
			w.wantClaims(lc, why, own, nil)
		}
		b.link.set(fault{})
		pass(time.Second)
		w.wantView(b, "a", "b", "c")
		a.link.set(fault{})
		pass(4 * time.Second)
		calls := w.server.since(back, "a")
		i := slices.IndexFunc(calls, func(c call) bool { return c.name == "beat" })
		j := slices.IndexFunc(calls, func(c call) bool { return c.name == "backfill" && len(c.parts) == len(own) })
		if j < 0 || i < j {
			t.Errorf("calls were %v, want the journal of %d before the heartbeat", calls, len(own))
		}
		pass(ttl / 5)
		w.reach(c, -8*time.Second) // in the steal phase
		w.wantClaims(lc, partition.Steal, own, nil)
		if err := l.Check(w.Context(), cs...); err != nil {
			t.Error(err)
		}
		if err := l.Done(w.Context(), cs[0]); err != nil {
			t.Error(err)
		}
		got, err := l.Coverage(w.Context())
		if want := (partition.Coverage{Expected: divided, Done: len(own)}); err != nil || got != want {
			t.Errorf("coverage %+v and error %v, want %+v", got, err, want)
		}
	})
}

// TestLostAnswers: every call of a member is run and half of the answers are lost.
func TestLostAnswers(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		r := newRecord(a, b, c)
		w.reach(a, 0)
		for i, m := range []*member{a, b, c} {
			var n atomic.Int64
			n.Store(int64(i))
			m.link.set(fault{lose: func(string) bool { return n.Add(1)%2 == 0 }})
		}
		stop := r.poll(w, a, b, c)
		pass(3 * interval)
		w.all(fault{})
		pass(interval)
		stop()
		r.wantEachOnce(t)
	})
}

// TestLostAnswerToRescue: what was granted and not heard of must not lie there until the end
// of the cycle, because its holder lives.
func TestLostAnswerToRescue(t *testing.T) {
	for _, lost := range []int{1, 100} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.join("a"), w.drained("b")
				w.reach(a, 0)
				la, lb := w.open(a), w.open(b)
				w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
				if err := a.Leave(w.Context()); err != nil {
					t.Fatal(err)
				}
				n := 0
				b.link.set(fault{lose: func(name string) bool { n++; return name == "rescue" && n <= lost }})
				cs, err := lb.Claim(w.Context(), partition.Rescue, 1, 2)
				if err != nil {
					t.Fatal(err)
				}
				b.link.set(fault{})
				free, err := lb.Unfinished(w.Context(), 1, 2)
				if err != nil {
					t.Fatal(err)
				}
				if len(free)+len(cs) != 2 {
					t.Errorf("granted %v, unfinished %v: one is lost", cs, free)
				}
				w.wantClaims(lb, partition.Rescue, []int{1, 2}, free)
			})
		})
	}
}

// TestLostAnswerToOwn: an owner whose request was lost must not poll what another has.
func TestLostAnswerToOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
		n := 0
		a.link.set(fault{lose: func(string) bool { n++; return n == 1 }})
		w.wantClaims(la, partition.Own, []int{1, 2}, []int{2})
		w.all(fault{refuse: true}) // what it was refused it does not grant itself
		pass(4 * time.Second)
		w.wantMode(a, partition.Away)
		w.wantClaims(la, partition.Own, []int{1, 3}, []int{3})
	})
}

// TestAwayGrantsNothingGivenAway: what the coordinator may have given to another is not the
// member's own any more.
func TestAwayGrantsNothingGivenAway(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		if err := la.Release(w.Context(), w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})...); err != nil {
			t.Fatal(err)
		}
		w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
		w.wantClaims(la, partition.Own, []int{3}, []int{3})
		w.all(fault{refuse: true})
		pass(4 * time.Second)
		w.wantClaims(la, partition.Own, []int{1, 2, 3, 4}, []int{4})
		if err := la.Release(w.Context(), partition.Claim{Source: "s", Member: "a", Cycle: a.cycle().Number, Partition: 3, Epoch: la.Ring().View().Epoch}); err != nil {
			t.Error(err)
		}
		w.wantClaims(la, partition.Own, []int{3}, []int{3}) // nobody else can have it
	})
}

// TestSelfGrantsAreChecked: what a member granted itself may have been stolen before.
func TestSelfGrantsAreChecked(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		stolen := w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
		w.all(fault{refuse: true})
		pass(4 * time.Second)
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		pass(time.Second)
		w.all(fault{})
		pass(2 * time.Second)
		w.wantMode(a, partition.Linked)
		if err := la.Check(w.Context(), cs[0]); !errors.Is(err, partition.ErrNotHeld) {
			t.Errorf("checking what was stolen: error %v, want ErrNotHeld", err)
		}
		if err := la.Check(w.Context(), cs[1]); err != nil {
			t.Error(err)
		}
		if err := lb.Check(w.Context(), stolen...); err != nil {
			t.Error(err)
		}
	})
}

// TestHandedBackWhileAway: the coordinator thinks that the member has it, so it is for the
// member to take it again.
func TestHandedBackWhileAway(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1}, []int{1})
		w.all(fault{refuse: true})
		pass(4 * time.Second)
		if err := la.Release(w.Context(), cs...); err != nil {
			t.Fatal(err)
		}
		w.all(fault{})
		w.reach(a, -8*time.Second)
		for l, want := range map[partition.Ledger][]int{la: {1}, lb: nil} {
			if got, err := l.Unfinished(w.Context(), 1); err != nil || !slices.Equal(got, want) {
				t.Errorf("unfinished %v and error %v, want %v", got, err, want)
			}
		}
		w.wantClaims(la, partition.Steal, []int{1}, []int{1})
	})
}

// TestUnansweredOwn: what was granted and not heard of is for this member to take again.
func TestUnansweredOwn(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.join("a")
		w.drained("b")
		w.reach(a, 0)
		la := w.open(a)
		a.link.set(fault{lose: func(name string) bool { return name == "claim" }})
		if cs, err := la.Claim(w.Context(), partition.Own, 1); err == nil {
			t.Fatalf("granted %v without an answer", cs)
		}
		a.link.set(fault{})
		if got, err := la.Unfinished(w.Context(), 1); err != nil || !slices.Equal(got, []int{1}) {
			t.Errorf("unfinished %v and error %v, want 1", got, err)
		}
	})
}

// TestDoneWithoutTime: a caller that has no time left has done its work nevertheless.
func TestDoneWithoutTime(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1}, []int{1})
		ended, cancel := context.WithCancel(w.Context())
		cancel()
		_ = la.Done(ended, cs...)
		pass(ttl / 5)
		if err := a.Leave(w.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantClaims(lb, partition.Rescue, []int{1}, nil)
	})
}

// TestOtherViewAfterOutage: a member that was in no shared cycle before the outage pins
// another view than the others work on. All of them can go on.
func TestOtherViewAfterOutage(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.join("a")
		w.reach(a, 0)
		w.open(a)
		b := w.join("b")
		pass(ttl / 5)
		w.wantView(a, "a", "b")
		w.all(fault{refuse: true})
		w.reach(a, 0)
		la := w.open(a)
		if n := len(la.Ring().View().Members); n != 1 {
			t.Fatalf("the view has %d members, want that of the cycle before", n)
		}
		mine := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		if _, err := b.Cycle(w.Context(), b.cycle()); err == nil {
			t.Error("who has shared no cycle has opened one")
		}
		b.link.set(fault{})
		pass(time.Second)
		lb := w.open(b)
		w.wantClaims(lb, partition.Own, []int{1, 5}, nil) // a has not said yet what it did
		a.link.set(fault{})
		pass(2 * time.Second)
		w.wantClaims(lb, partition.Own, []int{5}, []int{5})
		w.wantClaims(la, partition.Own, []int{5, 6}, []int{6})
		if err := la.Check(w.Context(), mine...); err != nil {
			t.Error(err)
		}
		if err := la.Done(w.Context(), mine...); err != nil {
			t.Error(err)
		}
		w.wantClaims(lb, partition.Own, []int{1, 2, 6}, nil)
		if n := len(la.Ring().View().Members); n != 2 {
			t.Errorf("the view has %d members, want the pinned one with 2", n)
		}
	})
}

func TestLeaveWhileAway(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		a.link.set(fault{hang: true})
		pass(ttl / 2)
		if err := la.Done(w.Context(), cs[0]); err != nil {
			t.Fatal(err)
		}
		var err error
		if d := took(func() { err = a.Leave(w.Context()) }); err == nil || d > 3*time.Second {
			t.Errorf("leaving took %v and gave error %v, want one soon", d, err)
		}
		if err := a.Leave(w.Context()); err != nil {
			t.Errorf("leaving again: %v", err)
		}
		w.wantMode(a, partition.Left)
		pass(ttl)
		w.wantClaims(lb, partition.Rescue, []int{1, 2}, []int{1, 2})
	})
	inWorld(t, func(w *world) { // the coordinator is back a moment before
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		b.mute.Store(true)
		a.link.set(fault{refuse: true})
		pass(ttl / 2)
		if err := la.Done(w.Context(), w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})...); err != nil {
			t.Fatal(err)
		}
		a.link.set(fault{})
		if err := a.Leave(w.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantClaims(lb, partition.Rescue, []int{1, 2, 3}, []int{3})
		pass(ttl / 5)
		w.wantView(b, "b")
	})
}
