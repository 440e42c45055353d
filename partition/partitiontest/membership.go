package partitiontest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func join(t *testing.T, backend worker.Backend) {
	before := time.Now()
	m := mustJoinAs(t, backend, "g", partition.Member{ID: "a", Weight: 3, Address: "http://a:1"})
	v := await(t, m, "a")
	if v.Epoch == 0 {
		t.Error("epoch is 0, as if nobody had ever joined")
	}
	if diff := cmp.Diff([]partition.Member{{ID: "a", Weight: 3, Address: "http://a:1"}}, v.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	s := m.State()
	if s.Mode != partition.Linked || s.Reason != "" || s.Beat.Before(before) || s.Since.Before(before) {
		t.Errorf("state is %+v, want linked since just now", s)
	}
	if off := time.Until(m.Now().Add(-s.Skew)); off < -time.Minute || off > time.Minute {
		t.Errorf("the group's clock less its skew is %v off the local one", off)
	}
	select {
	case <-m.Changed():
		t.Error("the view that is current counts as changed")
	default:
	}
}

func joinRefuses(t *testing.T, backend worker.Backend) {
	mustJoin(t, backend, "g", "a")
	for _, m := range []partition.Member{
		{Weight: 1}, {ID: "a\nb", Weight: 1}, {ID: "\xff", Weight: 1}, {ID: "b", Weight: -1},
	} {
		if _, err := coordinator(t, backend, settings()).Join(t.Context(), "g", m); err == nil {
			t.Errorf("%+v has joined, want an error", m)
		}
	}
	await(t, mustJoin(t, backend, "g", "z"), "a", "z")
}

func joinWithOtherSettings(t *testing.T, backend worker.Backend) {
	a := mustJoin(t, backend, "g", "a")
	other := settings()
	other.Partitions++
	b := partition.Member{ID: "b", Weight: 1}
	_, err := coordinator(t, backend, other).Join(t.Context(), "g", b)
	mismatch, ok := errors.AsType[*partition.MismatchError](err)
	if !ok {
		t.Fatalf("joining: error %v, want a MismatchError", err)
	}
	want := &partition.MismatchError{Group: "g", Theirs: settings().String(), Ours: other.String()}
	if diff := cmp.Diff(want, mismatch); diff != "" {
		t.Errorf("mismatch (-want +got):\n%s", diff)
	}
	mustLeave(t, a)
	m, err := coordinator(t, backend, other).Join(t.Context(), "g", b)
	if err != nil {
		t.Fatalf("joining after everybody has left: %v", err)
	}
	await(t, m, "b")
	mustLeave(t, m)
}

func joinUnderTakenID(t *testing.T, backend worker.Backend) {
	older := mustJoin(t, backend, "g", "a")
	l := mustCycle(t, older, early(older, "s"))
	cs := claimed(t, l, partition.Own, 1, 2)
	mustSettle(t, l.Done, cs[0])
	newer := mustJoin(t, backend, "g", "a")
	awaitMode(t, older, partition.Replaced)
	await(t, newer, "a")
	if _, err := older.Cycle(t.Context(), early(older, "s")); !errors.Is(err, partition.ErrReplaced) {
		t.Errorf("opening a cycle: error %v, want ErrReplaced", err)
	}
	if cs, err := l.Claim(t.Context(), partition.Own, 3); !errors.Is(err, partition.ErrReplaced) || len(cs) > 0 {
		t.Errorf("claiming: %v and error %v, want ErrReplaced", cs, err)
	}
	for name, do := range settling(l) {
		if err := do(t.Context(), cs[1]); !errors.Is(err, partition.ErrReplaced) {
			t.Errorf("%s: error %v, want ErrReplaced", name, err)
		}
	}
	mustLeave(t, older)
	// What the older one did stays done, what it held is free.
	wantGranted(t, claimed(t, mustCycle(t, newer, early(newer, "s")), partition.Own, 1, 2, 3), 2, 3)
	await(t, mustJoin(t, backend, "g", "b"), "a", "b") // the older one's leave removed nobody
}

func viewChanges(t *testing.T, backend worker.Backend) {
	b := mustJoin(t, backend, "g", "b")
	alone := await(t, b, "b")
	current := b.Changed()
	a := mustJoin(t, backend, "g", "a")
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
	mustLeave(t, b)
	if rest := await(t, a, "a"); rest.Epoch <= both.Epoch {
		t.Errorf("epoch went from %d to %d", both.Epoch, rest.Epoch)
	}
	if diff := cmp.Diff([]string{"a", "b"}, memberIDs(both)); diff != "" {
		t.Errorf("a view that was handed out has changed (-was +is):\n%s", diff)
	}
}

func groupsAreApart(t *testing.T, backend worker.Backend) {
	one, two := mustJoin(t, backend, "one", "a"), mustJoin(t, backend, "two", "a")
	await(t, one, "a")
	await(t, two, "a")
	wantGranted(t, claimed(t, mustCycle(t, one, early(one, "s")), partition.Own, 1, 2), 1, 2)
	wantGranted(t, claimed(t, mustCycle(t, two, early(two, "s")), partition.Own, 1, 2), 1, 2)
	post(t, one, "k", 1, "one")
	if p, err := two.Read(t.Context(), "k"); !errors.Is(err, partition.ErrNoPost) {
		t.Errorf("read %v and error %v of another group, want ErrNoPost", p, err)
	}
}

func weightZeroDrains(t *testing.T, backend worker.Backend) {
	a := mustJoin(t, backend, "g", "a")
	drained := mustJoinAs(t, backend, "g", partition.Member{ID: "b"})
	await(t, a, "a", "b")
	await(t, drained, "a", "b")
	l := mustCycle(t, a, early(a, "s"))
	if diff := cmp.Diff(map[string]int{"a": partitions, "b": 0}, l.Ring().Counts()); diff != "" {
		t.Errorf("partitions by owner (-want +got):\n%s", diff)
	}
	mustLeave(t, a)
	await(t, drained, "b")
	if owner, ok := drained.Ring().Owner(0); ok {
		t.Errorf("partition 0 belongs to %v, want nobody", owner)
	}
}

func emptyGroupKeepsItsEpoch(t *testing.T, backend worker.Backend) {
	a := mustJoin(t, backend, "g", "a")
	first := await(t, a, "a")
	l := mustCycle(t, a, early(a, "s"))
	mustSettle(t, l.Done, claimed(t, l, partition.Own, 1)...)
	mustLeave(t, a)
	b := mustJoin(t, backend, "g", "b")
	if second := await(t, b, "b"); second.Epoch <= first.Epoch {
		t.Errorf("epoch went from %d to %d", first.Epoch, second.Epoch)
	}
	wantGranted(t, claimed(t, mustCycle(t, b, early(b, "s")), partition.Own, 1, 2), 2)
}

func leave(t *testing.T, backend worker.Backend) {
	a := mustJoin(t, backend, "g", "a")
	await(t, a, "a")
	c := early(a, "s")
	l := mustCycle(t, a, c)
	cs := claimed(t, l, partition.Own, 1, 2)
	mustSettle(t, l.Done, cs[0])
	for range 2 { // the second one does nothing
		mustLeave(t, a)
	}
	if mode := a.State().Mode; mode != partition.Left {
		t.Errorf("mode is %v, want left", mode)
	}
	if _, err := a.Cycle(t.Context(), c); !errors.Is(err, partition.ErrLeft) {
		t.Errorf("opening a cycle: error %v, want ErrLeft", err)
	}
	if cs, err := l.Claim(t.Context(), partition.Own, 3); !errors.Is(err, partition.ErrLeft) || len(cs) > 0 {
		t.Errorf("claiming: %v and error %v, want ErrLeft", cs, err)
	}
	if err := l.Check(t.Context(), cs[1]); !errors.Is(err, partition.ErrLeft) {
		t.Errorf("checking: error %v, want ErrLeft", err)
	}
	mustNotHold(t, l.Done, cs[1])
	again := mustJoin(t, backend, "g", "a")
	await(t, again, "a")
	wantGranted(t, claimed(t, mustCycle(t, again, c), partition.Own, 1, 2), 2)
}

func endedContext(t *testing.T, backend worker.Backend) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := coordinator(t, backend, settings()).Join(ended, "g", partition.Member{ID: "b", Weight: 1})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("joining: error %v, want the context's", err)
	}
	a := mustJoin(t, backend, "g", "a")
	await(t, a, "a")
	c := early(a, "s")
	if _, err := a.Cycle(ended, c); !errors.Is(err, context.Canceled) {
		t.Errorf("opening a cycle: error %v, want the context's", err)
	}
	l := mustCycle(t, a, c)
	if _, err := l.Claim(ended, partition.Own, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("claiming: error %v, want the context's", err)
	}
	cs := claimed(t, l, partition.Own, 1)
	wantGranted(t, cs, 1)
	if err := l.Check(ended, cs...); !errors.Is(err, context.Canceled) {
		t.Errorf("checking: error %v, want the context's", err)
	}
	if err := a.Post(ended, "k", partition.Post{Version: 1}, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("posting: error %v, want the context's", err)
	}
	if s := a.State(); s.Mode != partition.Linked {
		t.Errorf("state is %+v after calls without time, want linked", s)
	}
}

func posts(t *testing.T, backend worker.Backend) {
	a, b := mustJoin(t, backend, "g", "a"), mustJoin(t, backend, "g", "b")
	if p, err := a.Read(t.Context(), "k"); !errors.Is(err, partition.ErrNoPost) {
		t.Errorf("read %v and error %v, want ErrNoPost", p, err)
	}
	blob := string(slices.Concat([]byte("\x00\xff\n\r%{} \""), bytes.Repeat([]byte("0123456789abcdef"), 1<<12)))
	for _, step := range []struct {
		version  int64
		data     string
		want     int64
		wantData string
	}{
		{5, "five", 5, "five"},
		{4, "four", 5, "five"}, // an older one does not replace a newer
		{5, "again", 5, "again"},
		{1 << 60, blob, 1 << 60, blob},
		{1<<60 - 1, "just older", 1 << 60, blob},
		{1<<60 + 1, "", 1<<60 + 1, ""},
	} {
		post(t, a, "k", step.version, step.data)
		p, err := b.Read(t.Context(), "k")
		if err != nil || p.Version != step.want || string(p.Data) != step.wantData {
			t.Errorf("after version %d: read version %d with %.20q and error %v, want version %d with %.20q",
				step.version, p.Version, p.Data, err, step.want, step.wantData)
		}
	}
	if p, err := a.Read(t.Context(), "K"); !errors.Is(err, partition.ErrNoPost) {
		t.Errorf("read %v and error %v under another key, want ErrNoPost", p, err)
	}
}

func post(t *testing.T, m partition.Membership, key string, version int64, data string) {
	t.Helper()
	if err := m.Post(t.Context(), key, partition.Post{Version: version, Data: []byte(data)}, time.Hour); err != nil {
		t.Fatal(err)
	}
}
