package local_test

import (
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/partitiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	partitiontest.Run(t, func(*testing.T) partition.Coordinator { return local.New() })
}

func join(t *testing.T, c *local.Coordinator, id string) partition.Membership {
	t.Helper()
	m, err := c.Join(t.Context(), "g", partition.Member{ID: id, Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func cycle(t *testing.T, m partition.Membership, k int64) partition.Ledger {
	t.Helper()
	l, err := m.Cycle(t.Context(), "s", k)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestIDsAreUniqueInAGroup(t *testing.T) {
	c := local.New()
	join(t, c, "a")
	_, err := c.Join(t.Context(), "g", partition.Member{ID: "a", Weight: 1})
	if want := `joining group "g": member "a" is in it already`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestThreeCyclesAreKept(t *testing.T) {
	m := join(t, local.New(), "a")
	ledgers := make([]partition.Ledger, 4)
	claims := make([][]partition.Claim, 4)
	for k := range ledgers {
		ledgers[k] = cycle(t, m, int64(k))
		claims[k], _ = ledgers[k].Claim(t.Context(), 1)
	}
	if _, err := ledgers[0].Claim(t.Context(), 2); !errors.Is(err, partition.ErrCycleOver) {
		t.Errorf("claiming in the first cycle: error %v, want ErrCycleOver", err)
	}
	for k, want := range []error{partition.ErrNotHeld, nil, nil, nil} {
		if err := ledgers[k].Done(t.Context(), claims[k]...); !errors.Is(err, want) {
			t.Errorf("finishing in cycle %d: error %v, want %v", k, err, want)
		}
	}
	err := ledgers[0].Done(t.Context(), claims[0]...)
	if want := `finishing 1 of 1 claims, the first of partition 1 in cycle 0 of source "s": claim is not held`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// TestClockSetBack: a cycle with a lower number than one seen must be granted, or a wrong
// clock would stop polling until the time it showed.
func TestClockSetBack(t *testing.T) {
	m := join(t, local.New(), "a")
	for _, k := range []int64{1 << 40, 5, 6} {
		if cs, err := cycle(t, m, k).Claim(t.Context(), 1); err != nil || len(cs) != 1 {
			t.Errorf("cycle %d: granted %v, error %v", k, cs, err)
		}
	}
}

// TestSecondIncarnation: what a member gave up by leaving is not its own again because
// somebody with its ID has joined.
func TestSecondIncarnation(t *testing.T) {
	c := local.New()
	first := join(t, c, "a")
	old := cycle(t, first, 1)
	held, err := old.Claim(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Leave(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := cycle(t, join(t, c, "a"), 1)
	if cs, err := now.Claim(t.Context(), 1); err != nil || len(cs) != 1 {
		t.Fatalf("granted %v, error %v", cs, err)
	}
	if err := old.Release(t.Context(), held...); !errors.Is(err, partition.ErrNotHeld) {
		t.Errorf("releasing: error %v, want ErrNotHeld", err)
	}
}

func BenchmarkClaimAndDone(b *testing.B) {
	m, err := local.New().Join(b.Context(), "g", partition.Member{ID: "a", Weight: 1})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{256, 4093} {
		b.Run(fmt.Sprintf("partitions=%d", n), func(b *testing.B) {
			parts := make([]int, n)
			for p := range parts {
				parts[p] = p
			}
			k := int64(n) << 32
			for b.Loop() {
				k++
				l, err := m.Cycle(b.Context(), "s", k)
				if err != nil {
					b.Fatal(err)
				}
				cs, err := l.Claim(b.Context(), parts...)
				if err != nil || len(cs) != n {
					b.Fatal(len(cs), err)
				}
				if err := l.Done(b.Context(), cs...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
