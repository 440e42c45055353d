package worker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// frozen is a member that was frozen for longer than its lease with three claims, of which
// another has taken the first.
func frozen(w *world) (a, b *member, la, lb partition.Ledger, cs []partition.Claim) {
	w.Helper()
	a, b = w.join("a"), w.join("b")
	pass(ttl)
	w.reach(a, 0)
	la, lb = w.open(a), w.open(b)
	cs = w.wantClaims(la, partition.Own, []int{1, 2, 3}, []int{1, 2, 3})
	w.wantClaims(lb, partition.Rescue, []int{1}, nil)
	a.link.set(freeze())
	pass(ttl + time.Second)
	w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
	return a, b, la, lb, cs
}

func TestFrozenForLongerThanTheLease(t *testing.T) {
	inWorld(t, func(w *world) {
		a, _, la, _, cs := frozen(w)
		w.wantMode(a, partition.Fenced)
		var claimed []partition.Claim
		var claimErr, lost, kept error
		ended := make(chan struct{}, 3)
		go func() { claimed, claimErr = la.Claim(w.Context(), partition.Own, 4); ended <- struct{}{} }()
		go func() { lost = la.Check(w.Context(), cs[0], cs[1]); ended <- struct{}{} }()
		go func() { kept = la.Check(w.Context(), cs[1]); ended <- struct{}{} }()
		pass(10 * time.Second)
		if len(ended) > 0 {
			t.Error("a call has returned before the heartbeat")
		}
		a.link.set(fault{})
		for range cap(ended) {
			<-ended
		}
		// The heartbeat that was under way failed at its deadline: whether the calls got to
		// the next one or not, nothing may be wrong.
		if claimErr != nil && !errors.Is(claimErr, partition.ErrFenced) || claimErr == nil && len(claimed) != 1 {
			t.Errorf("claiming: %v and error %v", claimed, claimErr)
		}
		if !errors.Is(lost, partition.ErrNotHeld) && !errors.Is(lost, partition.ErrFenced) {
			t.Errorf("checking what was taken over: error %v", lost)
		}
		if kept != nil && !errors.Is(kept, partition.ErrFenced) {
			t.Errorf("checking what was not: error %v", kept)
		}
		pass(2 * time.Second)
		w.wantMode(a, partition.Linked)
		if err := la.Check(w.Context(), cs[0]); !errors.Is(err, partition.ErrNotHeld) {
			t.Errorf("checking what was taken over: error %v, want ErrNotHeld", err)
		}
		if err := la.Check(w.Context(), cs[1:]...); err != nil {
			t.Errorf("checking what was not: %v", err)
		}
		pass(time.Second)
		from := time.Now()
		if err := la.Check(w.Context(), cs[2]); err != nil || len(named(w.server.since(from, "a"), "check")) > 0 {
			t.Errorf("checking again: error %v and calls %v, want none", err, w.server.since(from, "a"))
		}
		w.wantClaims(la, partition.Own, []int{1}, nil)
	})
}

func TestCheckIsFreeWhileTheLeaseLasts(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		w.reach(m, 0)
		l := w.open(m)
		cs := w.wantClaims(l, partition.Own, []int{1, 2}, []int{1, 2})
		for range 10 {
			pass(ttl / 4)
			if err := l.Check(w.Context(), cs...); err != nil {
				t.Error(err)
			}
		}
		if calls := named(w.server.since(time.Time{}, "a"), "check"); len(calls) > 0 {
			t.Errorf("the coordinator was asked: %v", calls)
		}
		if err := l.Done(w.Context(), cs[0]); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(w.Context(), cs...); err != nil {
			t.Errorf("checking what is done: %v", err)
		}
	})
}

// TestAnswerThatComesAfterTheLease: a grant that was frozen on its way is of the lease that
// is over, although it is heard of in the next one.
func TestAnswerThatComesAfterTheLease(t *testing.T) {
	for _, stalled := range []string{"claim", "check"} {
		t.Run(stalled, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.join("a"), w.join("b")
				pass(ttl)
				w.reach(a, 0)
				la, lb := w.open(a), w.open(b)
				if stalled == "check" {
					w.wantClaims(la, partition.Own, []int{1}, []int{1})
					a.link.set(fault{refuse: true})
					b.mute.Store(true)
					pass(ttl - time.Second)
					a.link.set(fault{})
					pass(2 * time.Second)
				}
				answers := make(chan struct{})
				a.link.set(fault{stall: func(name string) bool { return name == stalled }, answers: answers})
				var err error
				ended := make(chan struct{})
				epoch := la.Ring().View().Epoch
				claim := partition.Claim{Source: "s", Member: "a", Cycle: a.cycle().Number, Partition: 1, Epoch: epoch}
				go func() {
					defer close(ended)
					if stalled == "claim" {
						_, err = la.Claim(w.Context(), partition.Own, 1)
					} else {
						err = la.Check(w.Context(), claim)
					}
				}()
				pass(time.Second)
				a.link.mu.Lock()
				a.link.fault = freeze()
				a.link.mu.Unlock()
				pass(ttl + 3*time.Second)
				w.wantClaims(lb, partition.Rescue, []int{1}, []int{1})
				a.link.set(fault{})
				pass(5 * time.Second)
				w.wantMode(a, partition.Linked)
				close(answers)
				<-ended
				if stalled == "claim" {
					err = la.Check(w.Context(), claim)
				}
				if !errors.Is(err, partition.ErrNotHeld) {
					t.Errorf("checking what another has taken: error %v, want ErrNotHeld", err)
				}
			})
		})
	}
}

// TestClockJumps: a coordinator whose clock has jumped says that a lease is over that its
// member believes in. Nobody is robbed, and the member makes sure of that.
func TestClockJumps(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		pass(ttl)
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		w.server.change(func(*steps.Group) { w.server.offset += ttl })
		w.wantClaims(lb, partition.Rescue, []int{1}, nil)
		w.wantClaims(la, partition.Own, []int{3}, []int{3})
		from := time.Now()
		if err := la.Check(w.Context(), cs...); err != nil {
			t.Error(err)
		}
		if calls := named(w.server.since(from, "a"), "check"); len(calls) != 1 {
			t.Errorf("calls are %v, want one check", calls)
		}
	})
}

func TestEndedCycles(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		w.reach(m, 0)
		l := w.open(m)
		cs := w.wantClaims(l, partition.Own, []int{1, 2, 3}, []int{1, 2, 3})
		if err := l.Done(w.Context(), cs[0]); err != nil {
			t.Fatal(err)
		}
		over := m.cycle()
		check := func() {
			t.Helper()
			if cs, err := l.Claim(w.Context(), partition.Own, 4); !errors.Is(err, partition.ErrCycleOver) {
				t.Errorf("claiming: %v and error %v, want ErrCycleOver", cs, err)
			}
			if _, err := m.Cycle(w.Context(), partition.Cycle{Source: "t", Number: over.Number, Interval: interval}); !errors.Is(err, partition.ErrCycleOver) {
				t.Errorf("opening: error %v, want ErrCycleOver", err)
			}
			next := m.cycle()
			next.Number++
			if _, err := m.Cycle(w.Context(), next); !errors.Is(err, partition.ErrClock) {
				t.Errorf("opening what has not begun: error %v, want ErrClock", err)
			}
		}
		pass(3 * interval)
		check()
		for _, do := range []func(context.Context, ...partition.Claim) error{l.Done, l.Release} {
			if err := do(w.Context(), cs[1]); !errors.Is(err, partition.ErrNotHeld) {
				t.Errorf("settling: error %v, want ErrNotHeld", err)
			}
		}
		m.link.set(fault{refuse: true}) // nor does a member alone begin what the coordinator would not
		pass(ttl)
		w.wantMode(m, partition.Away)
		check()
	})
}
