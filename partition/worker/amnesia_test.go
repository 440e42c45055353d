package worker_test

import (
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// TestAmnesia: a coordinator that has lost its memory gets it back from the members.
func TestAmnesia(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1, 2, 3}, []int{1, 2, 3})
		if err := la.Done(w.Context(), cs[0]); err != nil {
			t.Fatal(err)
		}
		theirs := w.wantClaims(lb, partition.Own, []int{4}, []int{4})
		before := a.Ring().View().Epoch
		w.server.forget()
		pass(ttl / 5)
		pass(ttl / 5)
		for _, m := range []*member{a, b, c} {
			w.wantMode(m, partition.Linked)
			w.wantView(m, "a", "b", "c")
			if epoch := m.Ring().View().Epoch; epoch <= before {
				t.Errorf("%s sees epoch %d, it was %d before", m.id, epoch, before)
			}
		}
		lc := w.open(c) // for the first time
		for _, why := range []partition.Reason{partition.Own, partition.Rescue, partition.Steal} {
			w.wantClaims(lc, why, []int{1, 2, 3, 4}, nil)
		}
		if err := la.Check(w.Context(), cs...); err != nil {
			t.Error(err)
		}
		if err := la.Done(w.Context(), cs[1:]...); err != nil {
			t.Error(err)
		}
		if err := lb.Done(w.Context(), theirs...); err != nil {
			t.Error(err)
		}
		got, err := lc.Coverage(w.Context())
		if want := (partition.Coverage{Expected: divided, Done: 4}); err != nil || got != want {
			t.Errorf("coverage %+v and error %v, want %+v", got, err, want)
		}
		// The group is in order again.
		if err := a.Leave(w.Context()); err != nil {
			t.Fatal(err)
		}
		pass(ttl / 5)
		w.wantView(b, "b", "c")
		if grace := w.server.look().Grace; grace != 0 {
			t.Errorf("grace until %v", time.UnixMilli(grace))
		}
	})
}

// TestAmnesiaOfTheDead: a member that died together with the coordinator's memory is swept
// in the end.
func TestAmnesiaOfTheDead(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		w.server.forget()
		a.link.set(freeze())
		pass(ttl)
		w.wantView(b, "a", "b", "c")
		pass(2 * ttl)
		w.wantView(b, "b", "c")
		w.wantView(c, "b", "c")
	})
}

func TestAmnesiaWhileWorking(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		r := newRecord(a, b, c)
		w.reach(a, 0)
		stop := r.poll(w, a, b, c)
		for range 4 {
			pass(interval*3/4 + 1300*time.Millisecond)
			w.server.forget()
		}
		pass(interval)
		stop()
		r.wantEachOnce(t)
	})
}

// TestLostLedger: what is lost of one cycle is handed in by those who work on it.
func TestLostLedger(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		w.reach(a, 0)
		la, lb := w.open(a), w.open(b)
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		if err := la.Done(w.Context(), cs[0]); err != nil {
			t.Fatal(err)
		}
		w.server.loseLedgers()
		w.wantClaims(la, partition.Own, []int{1, 2, 3}, []int{3})
		w.wantClaims(lb, partition.Own, []int{1, 2, 3, 4}, []int{4})
		for _, why := range []partition.Reason{partition.Rescue, partition.Steal} {
			w.wantClaims(lb, why, []int{1, 2, 3, 5}, nil) // 5 may have been done before
		}
		if err := la.Check(w.Context(), cs...); err != nil {
			t.Error(err)
		}
		if err := la.Done(w.Context(), cs...); err != nil {
			t.Error(err)
		}
	})
}

// TestLostLedgerOnAnotherView: who begins a lost cycle anew pins the newest view, which the
// others take over.
func TestLostLedgerOnAnotherView(t *testing.T) {
	inWorld(t, func(w *world) {
		a := w.join("a")
		w.reach(a, 0)
		la := w.open(a)
		b := w.join("b")
		w.server.loseLedgers()
		lb := w.open(b)
		w.wantClaims(lb, partition.Own, []int{1}, []int{1})
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{2})
		if got, want := la.Ring().View().Epoch, lb.Ring().View().Epoch; got != want || cs[0].Epoch != want {
			t.Errorf("epoch %d and %d in the claim, want %d", got, cs[0].Epoch, want)
		}
		if err := la.Done(w.Context(), cs...); err != nil {
			t.Error(err)
		}
	})
}

// TestJoinAfterAmnesia: those who join right after the loss do not know what there was.
func TestJoinAfterAmnesia(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, _ := w.trio()
		w.reach(a, 0)
		la := w.open(a)
		cs := w.wantClaims(la, partition.Own, []int{1, 2}, []int{1, 2})
		w.server.forget()
		d := w.join("d")
		pass(2 * ttl / 5)
		for _, m := range []*member{a, b, d} {
			w.wantView(m, "a", "b", "c", "d")
		}
		ld := w.open(d)
		w.wantClaims(ld, partition.Own, []int{1, 2}, nil)
		if err := la.Check(w.Context(), cs...); err != nil {
			t.Error(err)
		}
	})
}
