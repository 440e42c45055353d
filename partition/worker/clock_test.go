package worker_test

import (
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// TestClockSetInAnOutage: whatever the coordinator's clock says when it is back, the journal
// goes in and everybody is linked again.
func TestClockSetInAnOutage(t *testing.T) {
	for _, by := range []time.Duration{-10 * time.Minute, -5 * time.Second, 3 * time.Second, 10 * time.Minute} {
		t.Run(by.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				a, b := w.join("a"), w.drained("b")
				w.reach(a, 10*time.Second)
				w.open(a)
				w.reach(a, 10*time.Second)
				w.all(fault{refuse: true})
				pass(5 * time.Second)
				la := w.open(a)
				if err := la.Done(w.Context(), w.wantClaims(la, partition.Own, []int{1}, []int{1})...); err != nil {
					t.Fatal(err)
				}
				w.server.change(func(*steps.Group) { w.server.offset += by })
				w.all(fault{})
				pass(ttl)
				w.wantMode(a, partition.Linked)
				w.wantMode(b, partition.Linked)
				if got := time.Until(a.Now()); (got - by).Abs() > time.Second {
					t.Errorf("the group's clock is %v ahead, want %v", got, by)
				}
			})
		})
	}
}

// TestJournalOfACycleToCome: the coordinator's clock was set back to before the cycle; what
// is done of it is not done again.
func TestJournalOfACycleToCome(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.drained("b")
		w.reach(a, 10*time.Second)
		w.open(a)
		w.reach(a, -4*time.Second)
		w.all(fault{refuse: true})
		pass(4500 * time.Millisecond)
		la := w.open(a)
		if err := la.Done(w.Context(), w.wantClaims(la, partition.Own, []int{1}, []int{1})...); err != nil {
			t.Fatal(err)
		}
		w.server.change(func(*steps.Group) { w.server.offset -= 4 * time.Second })
		w.all(fault{})
		pass(2 * time.Second)
		w.wantMode(a, partition.Linked)
		pass(3 * time.Second)
		lb := w.open(b)
		w.reach(b, -8*time.Second)
		w.wantClaims(lb, partition.Steal, []int{1}, nil)
	})
}
