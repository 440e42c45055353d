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

func weightedRing(t rapid.TB, s partition.Settings, weights ...int) *partition.Ring {
	t.Helper()
	ms := members(names("worker-%d", len(weights))...)
	for i, weight := range weights {
		ms[i].Weight = weight
	}
	r, err := partition.NewRing(partition.View{Epoch: 1, Members: ms}, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
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
		partition.DefaultSettings(),
		{Partitions: 271, ReplicationFactor: 20, LargeReplicationFactor: 20, Load: 1.25},
		{Partitions: 1009, ReplicationFactor: 20, LargeReplicationFactor: 20, Load: 1},
		{Partitions: 64, ReplicationFactor: 100, LargeReplicationFactor: 20, Load: 1.1},
	} {
		for _, format := range []string{"worker-%d", "poller-%03d.example.org"} {
			for _, n := range []int{0, 1, 2, 3, 10, 100} {
				r := newRing(t, s, names(format, n)...)
				fmt.Fprintf(&got, "partitions=%d replication=%d load=%v members=%d of %s: %s\n",
					s.Partitions, s.ReplicationFactor, s.Load, n, format, r.Digest())
			}
		}
	}
	compareGolden(t, "tables.golden", got.String())
}

// TestGoldenWeights pins what weights do, and from where on a ring is large.
func TestGoldenWeights(t *testing.T) {
	var got strings.Builder
	s := partition.Settings{Partitions: 1009, ReplicationFactor: 10, LargeReplicationFactor: 4, Load: 1.25}
	for _, weights := range [][]int{{1}, {2}, {0, 1, 2, 3, 4, 5}, {5, 4, 3, 2, 1, 0}, {100, 100, 100}, {100, 100, 100, 1}} {
		r := weightedRing(t, s, weights...)
		fmt.Fprintf(&got, "%v: %s\n", weights, r.Digest())
	}
	compareGolden(t, "weights.golden", got.String())
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

func TestGoldenKeys(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(), "a")
	for key, want := range map[string]int{"": 2481, "server/6f1e3c5a-0000-4000-8000-000000000001": 2412, "image/ü": 1402} {
		if got := r.Partition(key); got != want {
			t.Errorf("partition of %q is %d, want %d", key, got, want)
		}
		if got := r.Settings().Partition(key); got != want {
			t.Errorf("partition of %q by the settings is %d, want %d", key, got, want)
		}
	}
	for p, want := range map[int]float64{0: 0.44135480891021395, 1: 0.31822127717604376, 4092: 0.1526056676156866} {
		if got := r.Slot(p, 1); got != want {
			t.Errorf("slot of %d is %v, want %v", p, got, want)
		}
	}
}

func TestOwnerOfNothing(t *testing.T) {
	drained, err := partition.NewRing(partition.View{Members: []partition.Member{{ID: "a"}, {ID: "b"}}}, partition.DefaultSettings())
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*partition.Ring{"nobody": newRing(t, partition.DefaultSettings()), "all draining": drained} {
		if m, ok := r.Owner(r.Partition("server/1")); ok {
			t.Errorf("%s: owner is %v, want none", name, m)
		}
		for p := range r.Owned("a") {
			t.Errorf("%s: a owns %d", name, p)
		}
	}
	r := newRing(t, partition.DefaultSettings(), "a")
	for _, p := range []int{-1, 4093, math.MaxInt, math.MinInt} {
		if m, ok := r.Owner(p); ok {
			t.Errorf("partition %d does not exist and is owned by %v", p, m)
		}
	}
}

func TestOwnedIsWhatOwnerSays(t *testing.T) {
	r := newRing(t, partition.DefaultSettings(), names("w%d", 7)...)
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

func TestCounts(t *testing.T) {
	r := weightedRing(t, partition.DefaultSettings(), 1, 2, 0, 3)
	want := map[string]int{"worker-2": 0} // drains
	for _, owner := range owners(r) {
		want[owner]++
	}
	if diff := cmp.Diff(want, r.Counts()); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if got := newRing(t, partition.DefaultSettings()).Counts(); len(got) != 0 {
		t.Errorf("counts of nobody: %v", got)
	}
}

func TestMoved(t *testing.T) {
	s := partition.DefaultSettings()
	abc, bcd, nobody := newRing(t, s, "a", "b", "c"), newRing(t, s, "b", "c", "d"), newRing(t, s)
	differ := 0
	after := owners(bcd)
	for p, owner := range owners(abc) {
		if after[p] != owner {
			differ++
		}
	}
	other := s
	other.Partitions = 271
	for _, tc := range []struct {
		name     string
		from, to *partition.Ring
		want     int
	}{
		{"same", abc, newRing(t, s, "a", "b", "c"), 0},
		{"a goes and d comes", abc, bcd, differ},
		{"d goes and a comes", bcd, abc, differ},
		{"all go", abc, nobody, s.Partitions},
		{"the first come", nobody, abc, s.Partitions},
		{"nobody stays nobody", nobody, nobody, 0},
		{"other partitions", abc, newRing(t, other, "a", "b", "c"), -1},
		{"other partitions of nobody", nobody, newRing(t, other), -1},
	} {
		if got := partition.Moved(tc.from, tc.to); got != tc.want {
			t.Errorf("%s: %d moved, want %d", tc.name, got, tc.want)
		}
	}
}

// TestWeightsAreShares holds for names that were not picked: the bound above is sure (see
// TestNobodyOwnsMoreThanTheBound), the one below is what many points on the ring give.
func TestWeightsAreShares(t *testing.T) {
	s := partition.DefaultSettings()
	for _, weights := range [][]int{{1, 2, 3, 4, 5}, {5, 4, 3, 2, 1}, {1, 5}, {2, 2}, {1, 1, 10}} {
		sum := 0
		for _, weight := range weights {
			sum += weight
		}
		counts := weightedRing(t, s, weights...).Counts()
		for i, weight := range weights {
			fair := float64(s.Partitions*weight) / float64(sum)
			if got := float64(counts[fmt.Sprintf("worker-%d", i)]); got < 0.75*fair || got > 1.26*fair {
				t.Errorf("weights %v: member %d owns %v partitions, want about %.0f", weights, i, got, fair)
			}
		}
	}
}

func TestTooManyPlaces(t *testing.T) {
	ms := members(names("w%d", 656)...)
	for i := range ms {
		ms[i].Weight = 100
	}
	_, err := partition.NewRing(partition.View{Epoch: 7, Members: ms}, partition.DefaultSettings())
	const want = "building ring of epoch 7 for 656 members: weights add up to 65600, want at most 65535"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestDrainingMemberOwnsNothing(t *testing.T) {
	s := partition.DefaultSettings()
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
	r := newRing(t, partition.DefaultSettings(), names("w%d", 10)...)
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
	r := newRing(t, partition.DefaultSettings(), "a", "b", "c")
	key := "server/6f1e3c5a-0000-4000-8000-000000000001"
	var sum float64
	if n := testing.AllocsPerRun(100, func() {
		m, _ := r.Owner(r.Partition(key))
		sum += float64(len(m.ID)) + r.Slot(3, 0.7)
	}); n != 0 {
		t.Errorf("a lookup allocates %v times (%v)", n, sum)
	}
}
