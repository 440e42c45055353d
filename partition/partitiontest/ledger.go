package partitiontest

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func claimOnce(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	c := early(a, "s")
	l := mustCycle(t, a, c)
	epoch := l.Ring().View().Epoch
	wantGranted(t, claimed(t, l, partition.Own))
	got := claimed(t, l, partition.Own, 3, 1, 3)
	want := []partition.Claim{
		{Source: "s", Member: "a", Cycle: c.Number, Partition: 3, Epoch: epoch},
		{Source: "s", Member: "a", Cycle: c.Number, Partition: 1, Epoch: epoch},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	mustSettle(t, l.Check, got...)
	wantGranted(t, claimed(t, l, partition.Own, 1, 2, 3), 2)
	wantGranted(t, claimed(t, mustCycle(t, a, c), partition.Own, 1, 2, 3)) // the same cycle opened again
	other := mustCycle(t, b, c)
	wantUnfinished(t, other, 0, 4, 5, 6, 7, 8, 9) // the rest is held by one that lives
	wantGranted(t, claimed(t, other, partition.Own, 1, 2, 4), 4)
	wantGranted(t, claimed(t, other, partition.Rescue, 1, 2, 3, 5), 5)
	for _, p := range []int{-1, partitions} {
		if cs, err := l.Claim(t.Context(), partition.Own, p); err == nil {
			t.Errorf("partition %d was granted: %v", p, cs)
		}
	}
}

func cyclesAndSourcesAreApart(t *testing.T, backend worker.Backend) {
	m := mustJoin(t, backend, "g", "a")
	await(t, m, "a")
	ledgers := map[string]map[int64]partition.Ledger{"s": {}, "other": {}}
	claims := map[string]map[int64]partition.Claim{"s": {}, "other": {}}
	for source, of := range ledgers {
		for n := range int64(2) {
			of[n] = mustCycle(t, m, earlier(early(m, source), n))
			cs := claimed(t, of[n], partition.Own, 1)
			wantGranted(t, cs, 1)
			claims[source][n] = cs[0]
		}
	}
	for _, do := range settling(ledgers["s"][0]) {
		mustNotHold(t, do, claims["s"][1])
		mustNotHold(t, do, claims["other"][0])
	}
	mustSettle(t, ledgers["s"][0].Done, claims["s"][0])
	mustSettle(t, ledgers["s"][1].Check, claims["s"][1])
}

func doneIsFinal(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	l := mustCycle(t, a, early(a, "s"))
	cs := claimed(t, l, partition.Own, 0, 1, 2, 3, 4, 5, 6, 7, 8)
	mustSettle(t, l.Done)
	mustSettle(t, l.Done, cs[0])
	mustSettle(t, l.Done, cs[0]) // the answer to the first may have been lost
	mustNotHold(t, l.Release, cs[0])
	mustSettle(t, l.Done, cs[0])
	wantGranted(t, claimed(t, l, partition.Own, 0, 1))
	other := mustCycle(t, b, early(b, "s"))
	wantUnfinished(t, other, 9)
	wantGranted(t, claimed(t, other, partition.Own, 0))
	mustLeave(t, a)
	wantUnfinished(t, other, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	wantGranted(t, claimed(t, other, partition.Rescue, 0))
}

func releaseReopens(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	la, lb := mustCycle(t, a, early(a, "s")), mustCycle(t, b, early(b, "s"))
	claimed(t, lb, partition.Own, 0, 3, 4, 5, 6, 7, 8, 9)
	cs := claimed(t, la, partition.Own, 1, 2)
	mustSettle(t, la.Release)
	mustSettle(t, la.Release, cs...)
	mustSettle(t, la.Release, cs...) // the answer to the first may have been lost
	wantUnfinished(t, lb, 1, 2)
	mustNotHold(t, la.Done, cs[0])
	mustNotHold(t, la.Check, cs[0])
	wantGranted(t, claimed(t, lb, partition.Rescue, 1), 1)
	wantGranted(t, claimed(t, la, partition.Own, 1, 2), 2)
	mustNotHold(t, la.Release, cs[0])
	wantUnfinished(t, la)
	mustSettle(t, la.Done, cs[1])
}

func twoAttempts(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	la, lb := mustCycle(t, a, early(a, "s")), mustCycle(t, b, early(b, "s"))
	claimed(t, lb, partition.Own, 0, 3, 4, 5, 6, 7, 8, 9)
	mustSettle(t, la.Release, claimed(t, la, partition.Own, 1, 2)...)
	again := claimed(t, la, partition.Own, 1)
	wantGranted(t, again, 1)
	mustSettle(t, la.Release, again...)
	wantGranted(t, claimed(t, la, partition.Own, 1))
	wantUnfinished(t, lb, 2)
	for _, why := range []partition.Reason{partition.Own, partition.Rescue} {
		wantGranted(t, claimed(t, lb, why, 1))
	}
	third := claimed(t, lb, partition.Rescue, 2) // the attempts of all members count
	wantGranted(t, third, 2)
	mustSettle(t, lb.Release, third...)
	wantGranted(t, claimed(t, la, partition.Own, 2))
	wantUnfinished(t, lb)
}

func onlyTheHolderSettles(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	la, lb := mustCycle(t, a, early(a, "s")), mustCycle(t, b, early(b, "s"))
	mine := claimed(t, la, partition.Own, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)[1]
	for _, do := range settling(lb) {
		mustNotHold(t, do, mine)
	}
	for _, forge := range []func(*partition.Claim){
		func(c *partition.Claim) { c.Source = "other" },
		func(c *partition.Claim) { c.Member = "b" },
		func(c *partition.Claim) { c.Cycle++ },
		func(c *partition.Claim) { c.Partition += 100 },
		func(c *partition.Claim) { c.Epoch++ },
	} {
		forged := mine
		forge(&forged)
		for _, do := range settling(la) {
			mustNotHold(t, do, forged)
		}
	}
	wantUnfinished(t, lb)
	mustSettle(t, la.Done, mine)
}

func settlesWhatItCan(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	la, lb := mustCycle(t, a, early(a, "s")), mustCycle(t, b, early(b, "s"))
	cs := claimed(t, la, partition.Own, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	mustSettle(t, la.Release, cs[1])
	mustNotHold(t, la.Done, cs[1], cs[2])
	mustNotHold(t, la.Release, cs[2], cs[3])
	wantUnfinished(t, lb, 1, 3)
	mustNotHold(t, la.Check, cs[4], cs[3])
	mustSettle(t, la.Done, cs[4])
}

func stealIsForTheEnd(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	now := early(a, "s")
	for _, c := range []struct {
		cycle partition.Cycle
		want  []int
	}{
		{now, nil},
		{earlier(now, 1), []int{1, 2}},
	} {
		la, lb := mustCycle(t, a, c.cycle), mustCycle(t, b, c.cycle)
		cs := claimed(t, la, partition.Own, 1, 3, 4)
		mustSettle(t, la.Release, cs[0])
		mustSettle(t, la.Done, cs[1])
		wantUnfinished(t, lb, 0, 1, 2, 5, 6, 7, 8, 9)
		wantGranted(t, claimed(t, lb, partition.Steal, 1, 2, 3, 4), c.want...)
		mustSettle(t, la.Check, cs[2])
	}
}

func leftWorkIsRescued(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	la, lb := mustCycle(t, a, early(a, "s")), mustCycle(t, b, early(b, "s"))
	held := claimed(t, la, partition.Own, 1, 2, 3)
	claimed(t, lb, partition.Own, 0, 4, 5, 6, 7, 8, 9)
	mustSettle(t, la.Done, held[0])
	wantUnfinished(t, lb)
	wantGranted(t, claimed(t, lb, partition.Rescue, 1, 2, 3))
	mustLeave(t, a)
	wantUnfinished(t, lb, 2, 3)
	wantGranted(t, claimed(t, lb, partition.Rescue, 1, 2, 3, 4), 2, 3)
	wantUnfinished(t, lb)
	mustNotHold(t, la.Done, held[1])
}

func coverage(t *testing.T, backend worker.Backend) {
	a, b := pair(t, backend)
	for n, want := range map[int64]partition.Coverage{
		0: {Expected: 7, Claimed: 1, Open: 1, Done: 3, Rescued: 1},
		1: {Expected: 7, Claimed: 1, Open: 1, Done: 4, Rescued: 1, Stolen: 1, Late: 4},
	} {
		c := earlier(early(a, "s"), n)
		c.Expected = 7
		la := mustCycle(t, a, c)
		c.Expected = 3
		lb := mustCycle(t, b, c)
		cs := claimed(t, la, partition.Own, 1, 2, 3, 4, 5)
		mustSettle(t, la.Done, cs[0])
		mustSettle(t, la.Done, cs[0], cs[1])
		mustSettle(t, la.Release, cs[2], cs[3])
		mustSettle(t, lb.Done, claimed(t, lb, partition.Rescue, 3)...)
		mustSettle(t, lb.Done, claimed(t, lb, partition.Steal, 6)...)
		for name, l := range map[string]partition.Ledger{"a": la, "b": lb} {
			got, err := l.Coverage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("cycle %d ago, seen by %s (-want +got):\n%s", n, name, diff)
			}
		}
	}
}

func concurrentClaims(t *testing.T, backend worker.Backend) {
	const batch = 16
	ids := []string{"a", "b", "c", "d"}
	var ms []partition.Membership
	for _, id := range ids {
		ms = append(ms, mustJoin(t, backend, "g", id))
	}
	c := early(ms[0], "s")
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex
		holders [partitions]int
	)
	await(t, ms[len(ms)-1], ids...)
	for i, m := range ms {
		wg.Go(func() {
			l, err := m.Cycle(t.Context(), c)
			if err != nil {
				t.Error(err)
				return
			}
			for first := 0; first < partitions; first += batch {
				var parts []int
				for p := range min(batch, partitions-first) { // each from another place, so that they meet
					parts = append(parts, (first+p+i*partitions/len(ms))%partitions)
				}
				cs, err := l.Claim(t.Context(), partition.Own, parts...)
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
