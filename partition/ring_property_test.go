package partition_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
)

func drawSettings(t *rapid.T) partition.Settings {
	return partition.Settings{
		Partitions:        rapid.SampledFrom([]int{1, 2, 64, 271, 1009, 4093}).Draw(t, "partitions"),
		ReplicationFactor: rapid.SampledFrom([]int{1, 5, 20, 100}).Draw(t, "replication"),
		Load:              rapid.OneOf(rapid.Just(1.0), rapid.Just(1.25), rapid.Float64Range(1, 10)).Draw(t, "load"),
	}
}

func drawIDs(t *rapid.T, least, most int) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9.:#-]{1,12}`), least, most, rapid.ID).Draw(t, "ids")
}

func TestOrderAndDuplicatesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSettings(t)
		ids := drawIDs(t, 1, 20)
		want := newRing(t, s, ids...)
		again := append(slices.Clone(ids), rapid.SliceOfN(rapid.SampledFrom(ids), 0, 10).Draw(t, "duplicates")...)
		seed := rapid.Uint64().Draw(t, "order")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		got := newRing(t, s, again...)
		if diff := cmp.Diff(owners(want), owners(got)); diff != "" {
			t.Fatalf("%q (-once in order +listed so):\n%s", again, diff)
		}
		if want.Digest() != got.Digest() {
			t.Fatal("equal tables have different digests")
		}
	})
}

func TestNobodyOwnsMoreThanTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSettings(t)
		ids := drawIDs(t, 1, 50)
		bound := int(math.Ceil(float64(s.Partitions) / float64(len(ids)) * s.Load))
		owned := map[string]int{}
		for p, id := range owners(newRing(t, s, ids...)) {
			if id == "" {
				t.Fatalf("partition %d has no owner", p)
			}
			if owned[id]++; owned[id] > bound {
				t.Fatalf("%q owns more than %d of %d partitions (%d members)", id, bound, s.Partitions, len(ids))
			}
		}
	})
}

func TestJoinAndLeaveMoveLittle(t *testing.T) {
	check := func(t rapid.TB, ids []string) {
		s := partition.DefaultSettings(len(ids))
		small, large := owners(newRing(t, s, ids[1:]...)), owners(newRing(t, s, ids...))
		moved := 0
		for p := range large {
			if small[p] != large[p] {
				moved++
			}
		}
		n := len(ids) - 1
		if most := 2 * s.Partitions / n; moved > most {
			t.Fatalf("%d of %d partitions move between %d and %d members, want at most %d", moved, s.Partitions, n, n+1, most)
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, drawIDs(t, 2, 24)) })
	for _, n := range []int{50, 102} { // too slow to draw a hundred of
		check(t, names("worker-%d", n))
	}
}

func TestNoMemberListPanics(t *testing.T) {
	anyMember := rapid.Custom(func(t *rapid.T) partition.Member {
		return partition.Member{
			ID:     rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "b", "0:a", "\xff", "a\x00"})).Draw(t, "id"),
			Weight: rapid.OneOf(rapid.IntRange(-1, 3), rapid.Int()).Draw(t, "weight"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := partition.Settings{
			Partitions:        rapid.OneOf(rapid.IntRange(-1, 300), rapid.Just(1<<17)).Draw(t, "partitions"),
			ReplicationFactor: rapid.OneOf(rapid.IntRange(-1, 30), rapid.Just(1<<17)).Draw(t, "replication"),
			Load:              rapid.OneOf(rapid.Float64(), rapid.Float64Range(0.9, 1.3), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)})).Draw(t, "load"),
		}
		ms := rapid.SliceOfN(anyMember, 0, 20).Draw(t, "members")
		r, err := partition.NewRing(partition.View{Members: ms}, s)
		if err != nil {
			return
		}
		for _, m := range ms {
			for p := range r.Owned(m.ID) {
				if owner, ok := r.Owner(p); !ok || owner.ID != m.ID || owner.Weight == 0 {
					t.Fatalf("%d is owned by %v, %q says it owns it", p, owner, m.ID)
				}
			}
		}
	})
}
