package partitiontest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
)

func join(t *testing.T, c partition.Coordinator) {
	m := mustJoin(t, c, "g", "a")
	v := await(t, m, "a")
	if v.Epoch == 0 {
		t.Error("epoch is 0, as if nobody had ever joined")
	}
	if diff := cmp.Diff([]partition.Member{{ID: "a", Weight: 1}}, v.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	select {
	case <-m.Changed():
		t.Error("the view that is current counts as changed")
	default:
	}
}

func joinRefuses(t *testing.T, c partition.Coordinator) {
	mustJoin(t, c, "g", "a")
	for _, m := range []partition.Member{
		{Weight: 1}, {ID: "a\nb", Weight: 1}, {ID: "\xff", Weight: 1}, {ID: "b", Weight: -1},
	} {
		if _, err := c.Join(t.Context(), "g", m); err == nil {
			t.Errorf("%+v has joined, want an error", m)
		}
	}
	await(t, mustJoin(t, c, "g", "z"), "a", "z")
}

func viewChanges(t *testing.T, c partition.Coordinator) {
	b := mustJoin(t, c, "g", "b")
	alone := await(t, b, "b")
	current := b.Changed()
	a := mustJoin(t, c, "g", "a")
	both := await(t, b, "a", "b")
	select {
	case <-current:
	default:
		t.Error("the view changed and its channel is open")
	}
	if both.Epoch <= alone.Epoch {
		t.Errorf("epoch went from %d to %d", alone.Epoch, both.Epoch)
	}
	if diff := cmp.Diff(both, await(t, a, "a", "b")); diff != "" {
		t.Errorf("members see different views (-b +a):\n%s", diff)
	}
	if err := b.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest := await(t, a, "a"); rest.Epoch <= both.Epoch {
		t.Errorf("epoch went from %d to %d", both.Epoch, rest.Epoch)
	}
	if diff := cmp.Diff([]string{"a", "b"}, memberIDs(both)); diff != "" {
		t.Errorf("a view that was handed out has changed (-was +is):\n%s", diff)
	}
}

func groupsAreApart(t *testing.T, c partition.Coordinator) {
	one, two := mustJoin(t, c, "one", "a"), mustJoin(t, c, "two", "a")
	await(t, one, "a")
	await(t, two, "a")
	wantGranted(t, claimed(t, mustCycle(t, one, "s", 1), 1, 2), 1, 2)
	wantGranted(t, claimed(t, mustCycle(t, two, "s", 1), 1, 2), 1, 2)
}

func cyclePinsItsView(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	alone := await(t, a, "a")
	first := mustCycle(t, a, "s", 1)
	b := mustJoin(t, c, "g", "b")
	both := await(t, b, "a", "b")
	await(t, a, "a", "b")
	for name, l := range map[string]partition.Ledger{
		"opened before": first, "opened again": mustCycle(t, a, "s", 1), "opened by the newcomer": mustCycle(t, b, "s", 1),
	} {
		if diff := cmp.Diff(alone, l.View()); diff != "" {
			t.Errorf("%s (-pinned +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(both, mustCycle(t, a, "s", 2).View()); diff != "" {
		t.Errorf("next cycle (-newest +got):\n%s", diff)
	}
}

func leaveGivesUpClaims(t *testing.T, c partition.Coordinator) {
	a, b := mustJoin(t, c, "g", "a"), mustJoin(t, c, "g", "b")
	await(t, a, "a", "b")
	await(t, b, "a", "b")
	la, lb := mustCycle(t, a, "s", 1), mustCycle(t, b, "s", 1)
	held := claimed(t, la, 1, 2, 3)
	wantGranted(t, claimed(t, lb, 4), 4)
	mustSettle(t, la.Done, held[0])
	if err := a.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, b, "b")
	wantUnfinished(t, lb, 2, 3)
	wantGranted(t, claimed(t, lb, 1, 2, 3, 4), 2, 3)
	mustNotHold(t, la.Done, held[1])
	wantUnfinished(t, lb)
}

func afterLeave(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	l := mustCycle(t, a, "s", 1)
	mustSettle(t, l.Done, claimed(t, l, 1)...)
	for range 2 { // the second one does nothing
		if err := a.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Cycle(t.Context(), "s", 2); !errors.Is(err, partition.ErrLeft) {
		t.Errorf("opening a cycle: error %v, want ErrLeft", err)
	}
	if cs, err := l.Claim(t.Context(), 2); !errors.Is(err, partition.ErrLeft) || len(cs) > 0 {
		t.Errorf("claiming: %v and error %v, want ErrLeft", cs, err)
	}
	again := mustJoin(t, c, "g", "a")
	await(t, again, "a")
	wantGranted(t, claimed(t, mustCycle(t, again, "s", 1), 1, 2), 2)
}

func endedContext(t *testing.T, c partition.Coordinator) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Join(ended, "g", partition.Member{ID: "b", Weight: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("joining: error %v, want the context's", err)
	}
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	if _, err := a.Cycle(ended, "s", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("opening a cycle: error %v, want the context's", err)
	}
	l := mustCycle(t, a, "s", 1)
	if _, err := l.Claim(ended, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("claiming: error %v, want the context's", err)
	}
	wantGranted(t, claimed(t, l, 1), 1)
}
