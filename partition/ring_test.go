package partition_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
)

func newRing(t rapid.TB, s partition.Settings, ids ...string) *partition.Ring {
	t.Helper()
	r, err := partition.NewRing(partition.View{Epoch: 1, Members: members(ids...)}, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func members(ids ...string) []partition.Member {
	ms := make([]partition.Member, len(ids))
	for i, id := range ids {
		ms[i] = partition.Member{ID: id, Weight: 1}
	}
	return ms
}

func names(format string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(format, i)
	}
	return ids
}

func owners(r *partition.Ring) []string {
	table := make([]string, r.Settings().Partitions)
	for p := range table {
		if m, ok := r.Owner(p); ok {
			table[p] = m.ID
		}
	}
	return table
}

// TestGoldenTables pins the owner of every partition: a difference means that workers of
// this build and of the last release would poll the same resources, or none.
func TestGoldenTables(t *testing.T) {
	var got strings.Builder
	for _, s := range []partition.Settings{
		partition.DefaultSettings(1),
		{Partitions: 271, ReplicationFactor: 20, Load: 1.25},
		{Partitions: 1009, ReplicationFactor: 20, Load: 1},
		{Partitions: 64, ReplicationFactor: 100, Load: 1.1},
	} {
		for _, format := range []string{"worker-%d", "poller-%03d.example.org"} {
			for _, n := range []int{0, 1, 2, 3, 10, 100} {
				r := newRing(t, s, names(format, n)...)
				fmt.Fprintf(&got, "partitions=%d replication=%d load=%v members=%d of %s: %s\n",
					s.Partitions, s.ReplicationFactor, s.Load, n, format, r.Digest())
			}
		}
	}
	golden := filepath.Join("testdata", "tables.golden")
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

func TestGoldenKeys(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(1), "a")
	for key, want := range map[string]int{"": 2481, "server/6f1e3c5a-0000-4000-8000-000000000001": 2412, "image/ü": 1402} {
		if got := r.Partition(key); got != want {
			t.Errorf("partition of %q is %d, want %d", key, got, want)
		}
	}
	for p, want := range map[int]float64{0: 0.44135480891021395, 1: 0.31822127717604376, 4092: 0.1526056676156866} {
		if got := r.Slot(p, 1); got != want {
			t.Errorf("slot of %d is %v, want %v", p, got, want)
		}
	}
}

func TestOwnerOfNothing(t *testing.T) {
	drained, err := partition.NewRing(partition.View{Members: []partition.Member{{ID: "a"}, {ID: "b"}}}, partition.DefaultSettings(2))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*partition.Ring{"nobody": newRing(t, partition.DefaultSettings(1)), "all draining": drained} {
		if m, ok := r.Owner(r.Partition("server/1")); ok {
			t.Errorf("%s: owner is %v, want none", name, m)
		}
		for p := range r.Owned("a") {
			t.Errorf("%s: a owns %d", name, p)
		}
	}
	r := newRing(t, partition.DefaultSettings(1), "a")
	for _, p := range []int{-1, 4093, math.MaxInt, math.MinInt} {
		if m, ok := r.Owner(p); ok {
			t.Errorf("partition %d does not exist and is owned by %v", p, m)
		}
	}
}

func TestOwnedIsWhatOwnerSays(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(7), names("w%d", 7)...)
	table := owners(r)
	for _, id := range append(names("w%d", 7), "w", "stranger", "") {
		var want []int
		for p, owner := range table {
			if owner == id {
				want = append(want, p)
			}
		}
		if diff := cmp.Diff(want, slices.Collect(r.Owned(id))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
	for p := range r.Owned("w3") { // stopping early must not panic
		if table[p] != "w3" {
			t.Errorf("%d belongs to %s", p, table[p])
		}
		break
	}
}

func TestDrainingMemberOwnsNothing(t *testing.T) {
	s := partition.DefaultSettings(3)
	with, err := partition.NewRing(partition.View{Members: append(members("a", "c"), partition.Member{ID: "b"})}, s)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := with.Digest(), newRing(t, s, "a", "c").Digest(); got != want {
		t.Errorf("table with b draining is %s, without it %s", got, want)
	}
	if n := len(with.View().Members); n != 3 {
		t.Errorf("view has %d members, want the draining one too", n)
	}
}

func TestSlotsSpread(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(10), names("w%d", 10)...)
	const splay, tenths = 0.7, 10
	of := map[string]int{"everyone": 4093}
	counts := map[string]*[tenths]int{"everyone": {}}
	for p, owner := range owners(r) {
		slot := r.Slot(p, splay)
		if slot < 0 || slot >= splay {
			t.Fatalf("slot of %d is %v, want [0, %v)", p, slot, splay)
		}
		if counts[owner] == nil {
			counts[owner] = new([tenths]int)
		}
		of[owner]++
		counts[owner][int(slot/splay*tenths)]++
		counts["everyone"][int(slot/splay*tenths)]++
	}
	for owner, count := range counts {
		for tenth, n := range count {
			// Four standard deviations of a fair draw, so that it fails for a pattern only.
			fair := float64(of[owner]) / tenths
			if math.Abs(float64(n)-fair) > 4*math.Sqrt(fair) {
				t.Errorf("%s has %d partitions in tenth %d, want about %.0f", owner, n, tenth, fair)
			}
		}
	}
	for _, splay := range []float64{0, -1} {
		if slot := r.Slot(5, splay); slot != 0 {
			t.Errorf("slot with splay %v is %v, want 0", splay, slot)
		}
	}
	if slot := r.Slot(5, 3); slot != r.Slot(5, 1) {
		t.Errorf("slot with splay 3 is %v, past the end of the cycle", slot)
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(3), "a", "b", "c")
	key := "server/6f1e3c5a-0000-4000-8000-000000000001"
	var sum float64
	if n := testing.AllocsPerRun(100, func() {
		m, _ := r.Owner(r.Partition(key))
		sum += float64(len(m.ID)) + r.Slot(3, 0.7)
	}); n != 0 {
		t.Errorf("a lookup allocates %v times (%v)", n, sum)
	}
}

func BenchmarkOwner(b *testing.B) {
	r := newRing(b, partition.DefaultSettings(10), names("worker-%d", 10)...)
	keys := names("server/6f1e3c5a-0000-4000-8000-%012d", 1024)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, ok := r.Owner(r.Partition(keys[i%len(keys)])); !ok {
				b.Error("no owner")
			}
		}
	})
}

func BenchmarkOwnerOfPartition(b *testing.B) {
	r := newRing(b, partition.DefaultSettings(10), names("worker-%d", 10)...)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, ok := r.Owner(i & 4095 % 4093); !ok {
				b.Error("no owner")
			}
		}
	})
}

func BenchmarkNewRing(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			ids := names("worker-%d", n)
			for b.Loop() {
				newRing(b, partition.DefaultSettings(n), ids...)
			}
		})
	}
}
