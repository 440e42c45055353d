package partitiontest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// early is the cycle of a source that the group is in now, and far from both its ends: it
// is of the first suitable among some long intervals.
func early(m partition.Membership, source string) partition.Cycle {
	c := partition.Cycle{Source: source}
	for minutes := range 1000 {
		c.Interval = time.Duration(60+minutes) * time.Minute
		c.Number = m.Now().UnixNano() / int64(c.Interval)
		if phase := m.Now().Sub(c.Start()); phase > c.Interval/10 && phase < c.Interval/2 {
			break
		}
	}
	return c
}

// earlier is the cycle n before c.
func earlier(c partition.Cycle, n int64) partition.Cycle {
	c.Number -= n
	return c
}

func mustCycle(t *testing.T, m partition.Membership, c partition.Cycle) partition.Ledger {
	t.Helper()
	l, err := m.Cycle(t.Context(), c)
	if err != nil {
		t.Fatalf("opening cycle %d of %s: %v", c.Number, c.Source, err)
	}
	return l
}

// claimed claims and returns the claims that were granted.
func claimed(t *testing.T, l partition.Ledger, why partition.Reason, parts ...int) []partition.Claim {
	t.Helper()
	cs, err := l.Claim(t.Context(), why, parts...)
	if err != nil {
		t.Fatalf("claiming %v: %v", parts, err)
	}
	return cs
}

// settling are the calls that need a claim.
func settling(l partition.Ledger) map[string]func(context.Context, ...partition.Claim) error {
	return map[string]func(context.Context, ...partition.Claim) error{"check": l.Check, "done": l.Done, "release": l.Release}
}

func mustSettle(t *testing.T, settle func(context.Context, ...partition.Claim) error, cs ...partition.Claim) {
	t.Helper()
	if err := settle(t.Context(), cs...); err != nil {
		t.Fatalf("settling %v: %v", cs, err)
	}
}

func mustNotHold(t *testing.T, settle func(context.Context, ...partition.Claim) error, cs ...partition.Claim) {
	t.Helper()
	if err := settle(t.Context(), cs...); !errors.Is(err, partition.ErrNotHeld) {
		t.Errorf("settling %v: error %v, want ErrNotHeld", cs, err)
	}
}

func wantGranted(t *testing.T, cs []partition.Claim, parts ...int) {
	t.Helper()
	var got []int
	for _, c := range cs {
		got = append(got, c.Partition)
	}
	slices.Sort(got)
	if diff := cmp.Diff(parts, got); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
}

// wantUnfinished checks which of the partitions 0 to 9 are.
func wantUnfinished(t *testing.T, l partition.Ledger, parts ...int) {
	t.Helper()
	got, err := l.Unfinished(t.Context(), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	if err != nil {
		t.Fatalf("listing what is unfinished: %v", err)
	}
	if !slices.Equal(parts, got) {
		t.Errorf("unfinished are %v, want %v", got, parts)
	}
}

func cyclePinsItsView(t *testing.T, backend worker.Backend) {
	a := mustJoin(t, backend, "g", "a")
	alone := await(t, a, "a")
	c := early(a, "s")
	first := mustCycle(t, a, earlier(c, 1))
	b := mustJoin(t, backend, "g", "b")
	both := await(t, b, "a", "b")
	await(t, a, "a", "b")
	for name, l := range map[string]partition.Ledger{
		"opened before":          first,
		"opened again":           mustCycle(t, a, earlier(c, 1)),
		"opened by the newcomer": mustCycle(t, b, earlier(c, 1)),
	} {
		if diff := cmp.Diff(alone, l.Ring().View()); diff != "" {
			t.Errorf("%s (-pinned +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(both, mustCycle(t, a, c).Ring().View()); diff != "" {
		t.Errorf("next cycle (-newest +got):\n%s", diff)
	}
}

func cycleMustBeNow(t *testing.T, backend worker.Backend) {
	m := mustJoin(t, backend, "g", "a")
	c := early(m, "s")
	for n, want := range map[int64]error{
		-1: partition.ErrClock, 0: nil, 1: nil, 2: nil, 3: partition.ErrCycleOver, 1000: partition.ErrCycleOver,
	} {
		if _, err := m.Cycle(t.Context(), earlier(c, n)); !errors.Is(err, want) {
			t.Errorf("opening the cycle %d before the present one: error %v, want %v", n, err, want)
		}
	}
	c.Interval = time.Microsecond
	if _, err := m.Cycle(t.Context(), c); err == nil {
		t.Error("a cycle of a microsecond was opened")
	}
}
