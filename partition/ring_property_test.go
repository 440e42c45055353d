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
		Partitions:             rapid.SampledFrom([]int{1, 2, 64, 271, 1009, 4093}).Draw(t, "partitions"),
		ReplicationFactor:      rapid.SampledFrom([]int{1, 5, 20, 100}).Draw(t, "replication"),
		LargeReplicationFactor: rapid.SampledFrom([]int{1, 5, 20}).Draw(t, "large replication"),
		Load:                   rapid.OneOf(rapid.Just(1.0), rapid.Just(1.25), rapid.Float64Range(1, 10)).Draw(t, "load"),
	}
}

func drawIDs(t *rapid.T, least, most int) []string {
	return rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9.:#-]{1,12}`), least, most, rapid.ID).Draw(t, "ids")
}

// drawMembers draws some with weights, of which at least one is above zero.
func drawMembers(t *rapid.T, most, maxWeight int) []partition.Member {
	ms := members(drawIDs(t, 1, most)...)
	for i := range ms {
		ms[i].Weight = rapid.IntRange(0, maxWeight).Draw(t, "weight")
	}
	ms[0].Weight = max(ms[0].Weight, 1)
	return ms
}

func ringOf(t rapid.TB, s partition.Settings, ms []partition.Member) *partition.Ring {
	t.Helper()
	r, err := partition.NewRing(partition.View{Members: ms}, s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestOrderAndDuplicatesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSettings(t)
		ms := drawMembers(t, 12, 5)
		want := ringOf(t, s, ms)
		again := append(slices.Clone(ms), rapid.SliceOfN(rapid.SampledFrom(ms), 0, 10).Draw(t, "duplicates")...)
		seed := rapid.Uint64().Draw(t, "order")
		rand.New(rand.NewPCG(seed, 0)).Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		got := ringOf(t, s, again)
		if diff := cmp.Diff(owners(want), owners(got)); diff != "" {
			t.Fatalf("%v (-once in order +listed so):\n%s", again, diff)
		}
		if want.Digest() != got.Digest() {
			t.Fatal("equal tables have different digests")
		}
	})
}

func TestNobodyOwnsMoreThanTheBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSettings(t)
		ms := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) []partition.Member { return members(drawIDs(t, 1, 50)...) }),
			rapid.Custom(func(t *rapid.T) []partition.Member { return drawMembers(t, 12, 5) }),
		).Draw(t, "members")
		places := 0
		for _, m := range ms {
			places += m.Weight
		}
		each := int(math.Ceil(float64(s.Partitions) / float64(places) * s.Load))
		counts, all := ringOf(t, s, ms).Counts(), 0
		for _, m := range ms {
			if counts[m.ID] > each*m.Weight {
				t.Fatalf("%v owns %d of %d partitions, want at most %d (weights add up to %d)", m, counts[m.ID], s.Partitions, each*m.Weight, places)
			}
			all += counts[m.ID]
		}
		if all != s.Partitions {
			t.Fatalf("%d of %d partitions have an owner", all, s.Partitions)
		}
	})
}

func TestWeightChangeMovesLittle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := partition.DefaultSettings()
		ms := drawMembers(t, 6, 5)
		changed := slices.Clone(ms)
		i := rapid.IntRange(0, len(ms)-1).Draw(t, "changed")
		changed[i].Weight = rapid.IntRange(1, 5).Draw(t, "new weight")
		smaller := 0
		for j := range ms {
			smaller += min(ms[j].Weight, changed[j].Weight)
		}
		if smaller == 0 {
			return // from nobody
		}
		change := max(ms[i].Weight, changed[i].Weight) - min(ms[i].Weight, changed[i].Weight)
		moved := partition.Moved(ringOf(t, s, ms), ringOf(t, s, changed))
		if most := 2 * change * s.Partitions / smaller; moved > most {
			t.Fatalf("%d of %d partitions move when %v becomes %v, want at most %d", moved, s.Partitions, ms[i], changed[i], most)
		}
	})
}

func TestJoinAndLeaveMoveLittle(t *testing.T) {
	check := func(t rapid.TB, ids []string) {
		s := partition.DefaultSettings()
		moved := partition.Moved(newRing(t, s, ids[1:]...), newRing(t, s, ids...))
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
	usable := rapid.Custom(func(t *rapid.T) partition.Member {
		return partition.Member{
			ID:     rapid.StringMatching(`[ab0:]{1,3}`).Draw(t, "id"), // often twice
			Weight: rapid.IntRange(0, 3).Draw(t, "weight"),
		}
	})
	anyMember := rapid.Custom(func(t *rapid.T) partition.Member {
		return partition.Member{
			ID:      rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "b", "0:a", "\xff", "a\x00"})).Draw(t, "id"),
			Weight:  rapid.OneOf(rapid.IntRange(-1, 101), rapid.Int()).Draw(t, "weight"),
			Address: rapid.OneOf(rapid.Just(""), rapid.String()).Draw(t, "address"),
		}
	})
	anySettings := rapid.Custom(func(t *rapid.T) partition.Settings {
		return partition.Settings{
			Partitions:             rapid.OneOf(rapid.IntRange(-1, 300), rapid.Just(1<<17)).Draw(t, "partitions"),
			ReplicationFactor:      rapid.OneOf(rapid.IntRange(-1, 30), rapid.Just(1<<17)).Draw(t, "replication"),
			LargeReplicationFactor: rapid.OneOf(rapid.IntRange(-1, 30), rapid.Just(1<<17)).Draw(t, "large replication"),
			Load:                   rapid.OneOf(rapid.Float64(), rapid.Float64Range(0.9, 1.3), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1)})).Draw(t, "load"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.Custom(drawSettings), anySettings).Draw(t, "settings")
		ms := rapid.OneOf(rapid.SliceOfN(usable, 0, 20), rapid.SliceOfN(anyMember, 0, 20)).Draw(t, "members")
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
