package partition_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
)

func newBuilder(t rapid.TB, s partition.Settings) *partition.Builder {
	t.Helper()
	b, err := partition.NewBuilder(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkBuild builds v with b, and compares the ring with one that is built from nothing.
func checkBuild(t rapid.TB, b *partition.Builder, v partition.View, s partition.Settings) {
	t.Helper()
	got, err := b.Ring(v)
	if err != nil {
		t.Fatal(err)
	}
	want, err := partition.NewRing(v, s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(owners(want), owners(got)); diff != "" {
		t.Fatalf("owners of %v (-from nothing +by the builder):\n%s", v, diff)
	}
	if diff := cmp.Diff(want.View(), got.View()); diff != "" {
		t.Fatalf("view (-from nothing +by the builder):\n%s", diff)
	}
	if got.Settings() != s {
		t.Fatalf("settings are %v, want %v", got.Settings(), s)
	}
}

// TestBuilderForgetsHistory: two workers that saw other views before agree on this one.
func TestBuilderForgetsHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := partition.Settings{
			Partitions:             rapid.SampledFrom([]int{1, 64, 271}).Draw(t, "partitions"),
			ReplicationFactor:      rapid.SampledFrom([]int{1, 7, 20}).Draw(t, "replication"),
			LargeReplicationFactor: 2,
			Load:                   rapid.SampledFrom([]float64{1, 1.25}).Draw(t, "load"),
		}
		b := newBuilder(t, s)
		ids := drawIDs(t, 1, 15)
		group := map[string]partition.Member{}
		for epoch := range uint64(rapid.IntRange(1, 20).Draw(t, "views")) {
			for range rapid.IntRange(0, 3).Draw(t, "changes") {
				id := rapid.SampledFrom(ids).Draw(t, "member")
				m := partition.Member{ID: id, Address: rapid.SampledFrom([]string{"", "http://a", "http://b"}).Draw(t, "address")}
				if m.Weight = rapid.IntRange(-1, 4).Draw(t, "weight or gone"); m.Weight < 0 {
					delete(group, id)
				} else {
					group[id] = m
				}
			}
			checkBuild(t, b, partition.View{Epoch: epoch, Members: slices.Collect(maps.Values(group))}, s)
		}
	})
}

// TestBuilderAtTheLargeRing goes back and forth where the replication factor changes.
func TestBuilderAtTheLargeRing(t *testing.T) {
	s := partition.Settings{Partitions: 271, ReplicationFactor: 3, LargeReplicationFactor: 2, Load: 1.25}
	b := newBuilder(t, s)
	for epoch, weights := range [][]int{{100, 100, 99}, {100, 100, 100}, {100, 100, 100, 1}, {100, 100, 100, 2}, {100, 100, 100}, {100, 99, 100, 2}, {100, 100, 98}} {
		ms := members(names("worker-%d", len(weights))...)
		for i, weight := range weights {
			ms[i].Weight = weight
		}
		checkBuild(t, b, partition.View{Epoch: uint64(epoch), Members: ms}, s)
	}
}

func TestBuilderAfterUnusableMembers(t *testing.T) {
	s := partition.DefaultSettings()
	b := newBuilder(t, s)
	checkBuild(t, b, partition.View{Epoch: 1, Members: members("a", "b")}, s)
	if _, err := b.Ring(partition.View{Epoch: 2, Members: members("a", "")}); err == nil {
		t.Error("no error for an empty id")
	}
	checkBuild(t, b, partition.View{Epoch: 3, Members: members("a", "b", "c")}, s)
}

// TestBuilderKeepsNoViewOfOthers: what a caller does to a view that it was given, or has
// given, must not change what the builder takes for known.
func TestBuilderKeepsNoViewOfOthers(t *testing.T) {
	s := partition.DefaultSettings()
	b := newBuilder(t, s)
	given := partition.View{Epoch: 1, Members: members("a", "b", "c")}
	r, err := b.Ring(given)
	if err != nil {
		t.Fatal(err)
	}
	given.Members[1].Weight = 0
	checkBuild(t, b, given, s)
	got := r.View()
	got.Members[2].Weight = 3
	checkBuild(t, b, got, s)
}

func TestBuilderForManyAtOnce(t *testing.T) {
	s := partition.Settings{Partitions: 271, ReplicationFactor: 5, LargeReplicationFactor: 2, Load: 1.25}
	b := newBuilder(t, s)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 20 {
				n := (worker*7+i)%9 + 1
				v := partition.View{Epoch: uint64(i), Members: members(names("w%d", n)...)}
				got, err := b.Ring(v)
				if err != nil {
					t.Errorf("%d members: %v", n, err)
					return
				}
				want, err := partition.NewRing(v, s)
				if err != nil {
					t.Errorf("%d members: %v", n, err)
					return
				}
				if got.Digest() != want.Digest() || got.View().Epoch != v.Epoch {
					t.Errorf("%d members: epoch %d, table %s, want %d, %s", n, got.View().Epoch, got.Digest(), v.Epoch, want.Digest())
				}
			}
		})
	}
	wg.Wait()
}

func ExampleBuilder() {
	builder, err := partition.NewBuilder(partition.DefaultSettings())
	if err != nil {
		fmt.Println(err)
		return
	}
	var last *partition.Ring
	for epoch, ids := range [][]string{{"worker-a", "worker-b"}, {"worker-a", "worker-b", "worker-c"}} {
		view := partition.View{Epoch: uint64(epoch)}
		for _, id := range ids {
			view.Members = append(view.Members, partition.Member{ID: id, Weight: 1})
		}
		ring, err := builder.Ring(view)
		if err != nil {
			fmt.Println("keeping the last ring:", err)
			continue
		}
		if last != nil {
			fmt.Println("moved:", partition.Moved(last, ring))
		}
		fmt.Println(ring.Counts())
		last = ring
	}
	// Output:
	// map[worker-a:1994 worker-b:2099]
	// moved: 1435
	// map[worker-a:1205 worker-b:1453 worker-c:1435]
}
