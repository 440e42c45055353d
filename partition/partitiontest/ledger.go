package partitiontest

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
)

func claimOnce(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	v := await(t, a, "a")
	l := mustCycle(t, a, "s", 7)
	wantGranted(t, claimed(t, l))
	got := claimed(t, l, 3, 1, 3)
	want := []partition.Claim{
		{Source: "s", Member: "a", Cycle: 7, Partition: 3, Epoch: v.Epoch},
		{Source: "s", Member: "a", Cycle: 7, Partition: 1, Epoch: v.Epoch},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	wantGranted(t, claimed(t, l, 1, 2, 3), 2)
	wantGranted(t, claimed(t, mustCycle(t, a, "s", 7), 1, 2, 3)) // the same cycle opened again
	wantUnfinished(t, l)                                         // held by one that lives
	if cs, err := l.Claim(t.Context(), -1); err == nil {
		t.Errorf("partition -1 was granted: %v", cs)
	}
}

func cyclesAndSourcesAreApart(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	for _, source := range []string{"s", "other"} {
		for k := range int64(2) {
			wantGranted(t, claimed(t, mustCycle(t, a, source, k), 1), 1)
		}
	}
	of := func(source string, k int64) partition.Claim {
		return partition.Claim{Source: source, Member: "a", Cycle: k, Partition: 1, Epoch: mustCycle(t, a, source, k).View().Epoch}
	}
	mustNotHold(t, mustCycle(t, a, "s", 0).Done, of("s", 1))
	mustNotHold(t, mustCycle(t, a, "s", 0).Done, of("other", 0))
	mustSettle(t, mustCycle(t, a, "s", 0).Done, of("s", 0))
}

func doneIsFinal(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	l := mustCycle(t, a, "s", 1)
	cs := claimed(t, l, 1, 2)
	mustSettle(t, l.Done)
	mustSettle(t, l.Done, cs[0])
	mustSettle(t, l.Done, cs[0]) // the answer to the first may have been lost
	mustNotHold(t, l.Release, cs[0])
	wantUnfinished(t, l)
	wantGranted(t, claimed(t, l, 1, 2))
}

func releaseReopens(t *testing.T, c partition.Coordinator) {
	a, b := mustJoin(t, c, "g", "a"), mustJoin(t, c, "g", "b")
	await(t, a, "a", "b")
	await(t, b, "a", "b")
	la, lb := mustCycle(t, a, "s", 1), mustCycle(t, b, "s", 1)
	cs := claimed(t, la, 1, 2)
	mustSettle(t, la.Release, cs...)
	mustSettle(t, la.Release, cs...)
	wantUnfinished(t, lb, 1, 2)
	mustNotHold(t, la.Done, cs[0])
	wantGranted(t, claimed(t, lb, 1), 1)
	wantGranted(t, claimed(t, la, 1, 2), 2)
	mustNotHold(t, la.Release, cs[0])
	wantUnfinished(t, la)
}

func onlyTheHolderSettles(t *testing.T, c partition.Coordinator) {
	a, b := mustJoin(t, c, "g", "a"), mustJoin(t, c, "g", "b")
	await(t, a, "a", "b")
	await(t, b, "a", "b")
	la, lb := mustCycle(t, a, "s", 1), mustCycle(t, b, "s", 1)
	mine := claimed(t, la, 1)[0]
	mustNotHold(t, lb.Done, mine)
	mustNotHold(t, lb.Release, mine)
	for _, forge := range []func(*partition.Claim){
		func(c *partition.Claim) { c.Source = "other" },
		func(c *partition.Claim) { c.Member = "b" },
		func(c *partition.Claim) { c.Cycle++ },
		func(c *partition.Claim) { c.Partition++ },
		func(c *partition.Claim) { c.Epoch++ },
	} {
		forged := mine
		forge(&forged)
		mustNotHold(t, la.Done, forged)
		mustNotHold(t, la.Release, forged)
	}
	wantUnfinished(t, la)
	mustSettle(t, la.Done, mine)
}

func settlesWhatItCan(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	l := mustCycle(t, a, "s", 1)
	cs := claimed(t, l, 1, 2, 3, 4)
	mustSettle(t, l.Release, cs[0])
	mustNotHold(t, l.Done, cs[0], cs[1])
	mustNotHold(t, l.Release, cs[1], cs[2])
	wantUnfinished(t, l, 1, 3)
	mustSettle(t, l.Done, cs[3])
}

// oldCycles allows an implementation to forget cycles that many newer ones have followed,
// but not to let a claim of such a cycle pass as held.
func oldCycles(t *testing.T, c partition.Coordinator) {
	a := mustJoin(t, c, "g", "a")
	await(t, a, "a")
	old := mustCycle(t, a, "s", 1)
	cs := claimed(t, old, 1, 2)
	mustSettle(t, old.Done, cs[0])
	mustCycle(t, a, "s", 2)
	mustSettle(t, old.Done, cs[1]) // the last polls may end after the next cycle began
	for k := int64(3); k < 50; k++ {
		mustCycle(t, a, "s", k)
	}
	granted, err := old.Claim(t.Context(), 1, 2)
	if len(granted) > 0 {
		t.Errorf("%v granted a second time", granted)
	}
	if err != nil && !errors.Is(err, partition.ErrCycleOver) {
		t.Errorf("claiming: error %v, want nil or ErrCycleOver", err)
	}
}

func concurrentClaims(t *testing.T, c partition.Coordinator) {
	const partitions, batch = 512, 16
	ids := []string{"a", "b", "c", "d"}
	var ms []partition.Membership
	for _, id := range ids {
		ms = append(ms, mustJoin(t, c, "g", id))
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		holders [partitions]int
	)
	for i, m := range ms {
		await(t, m, ids...)
		wg.Go(func() {
			l, err := m.Cycle(t.Context(), "s", 1)
			if err != nil {
				t.Error(err)
				return
			}
			for first := range partitions / batch {
				var parts []int
				for p := range batch { // each from another place, so that they meet
					parts = append(parts, (first*batch+p+i*partitions/len(ms))%partitions)
				}
				cs, err := l.Claim(t.Context(), parts...)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				for _, c := range cs {
					holders[c.Partition]++
				}
				mu.Unlock()
				if err := l.Done(t.Context(), cs...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for p, n := range holders {
		if n != 1 {
			t.Errorf("partition %d was granted %d times, want once", p, n)
		}
	}
}
