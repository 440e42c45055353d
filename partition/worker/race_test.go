package worker_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// TestManyGoroutines share a ledger while the coordinator comes and goes: each partition is
// granted to one of them.
func TestManyGoroutines(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		pass(ttl / 5)
		w.reach(a, 0)
		var (
			wg      sync.WaitGroup
			mu      sync.Mutex
			granted = map[int]int{}
		)
		cycle := a.cycle()
		for i := range 16 {
			random := rand.New(rand.NewPCG(uint64(i), 0))
			wg.Go(func() {
				l, err := a.Cycle(w.Context(), cycle)
				if err != nil {
					t.Error(err)
					return
				}
				for range 40 {
					cs, err := l.Claim(w.Context(), partition.Own, random.IntN(divided), random.IntN(divided))
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					for _, c := range cs {
						granted[c.Partition]++
					}
					mu.Unlock()
					if err := l.Check(w.Context(), cs...); err != nil {
						t.Error(err)
					}
					<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
					if err := l.Done(w.Context(), cs...); err != nil && !errors.Is(err, partition.ErrNotHeld) {
						t.Error(err)
					}
					_, _, _ = a.State(), a.Ring(), a.Now()
				}
			})
		}
		for _, f := range []fault{{hang: true}, {}, {refuse: true}, {}, {delay: 300 * time.Millisecond}, {}} {
			pass(time.Second)
			w.all(f)
		}
		wg.Wait()
		for p := range divided {
			if granted[p] != 1 {
				t.Errorf("partition %d was granted %d times", p, granted[p])
			}
		}
		pass(ttl)
		lb, err := b.Cycle(w.Context(), cycle)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := lb.Coverage(w.Context()); err != nil || got.Done != divided {
			t.Errorf("coverage %+v and error %v, want all done", got, err)
		}
	})
}

// TestLeavingUnderLoad: calls that are under way when the member leaves come to an end.
func TestLeavingUnderLoad(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.join("a")
		w.join("b")
		w.reach(a, 0)
		l := w.open(a)
		a.link.set(fault{hang: true})
		var wg sync.WaitGroup
		for p := range 8 {
			wg.Go(func() {
				cs, err := l.Claim(w.Context(), partition.Own, p)
				if err != nil && !errors.Is(err, partition.ErrLeft) {
					t.Error(err)
				}
				_ = l.Check(w.Context(), cs...)
				_ = l.Done(w.Context(), cs...)
			})
		}
		pass(time.Second)
		if err := a.Leave(w.Context()); err != nil && !errors.Is(err, errRefused) {
			t.Log(err) // the coordinator does not answer
		}
		if d := took(wg.Wait); d > 10*time.Second {
			t.Errorf("calls ended %v after leaving", d)
		}
		w.wantMode(a, partition.Left)
	})
}

// TestClaimWhileHandingBack: a claim that overtakes the handing back is answered with what
// the member had, which is for others a moment later.
func TestClaimWhileHandingBack(t *testing.T) {
	for _, first := range []string{"claim", "release"} {
		t.Run(first, func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.join("a"), w.drained("b")
				w.reach(a, 0)
				la, lb := w.open(a), w.open(b)
				cs := w.wantClaims(la, partition.Own, []int{1}, []int{1})
				var wg sync.WaitGroup
				answers := make(chan struct{})
				if first == "claim" {
					a.link.set(fault{delay: time.Second})
				} else {
					a.link.set(fault{stall: func(name string) bool { return name == "settle" }, answers: answers})
				}
				wg.Go(func() {
					if err := la.Release(w.Context(), cs...); err != nil {
						t.Error(err)
					}
				})
				pass(time.Millisecond)
				if first == "claim" {
					a.link.set(fault{})
				}
				again, err := la.Claim(w.Context(), partition.Own, 1)
				if err != nil {
					t.Error(err)
				}
				a.link.set(fault{})
				wg.Wait()
				free, err := la.Unfinished(w.Context(), 1)
				if err != nil || len(again)+len(free) != 1 {
					t.Errorf("granted %v, unfinished %v and error %v, want either", again, free, err)
				}
				other, err := lb.Claim(w.Context(), partition.Rescue, 1)
				if err != nil || len(again)+len(other) != 1 {
					t.Errorf("granted %v here and %v there, error %v", again, other, err)
				}
			})
		})
	}
}
