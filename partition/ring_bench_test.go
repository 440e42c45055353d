package partition_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

func BenchmarkOwner(b *testing.B) {
	r := newRing(b, partition.DefaultSettings(), names("worker-%d", 10)...)
	keys := names("server/6f1e3c5a-0000-4000-8000-%012d", 1024)
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, ok := r.Owner(r.Partition(keys[i%len(keys)])); !ok {
				b.Fatal("no owner")
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, ok := r.Owner(r.Partition(keys[i%len(keys)])); !ok {
					b.Error("no owner")
				}
			}
		})
	})
}

// BenchmarkSplit divides the keys of a large cloud by owner, as every worker does with
// every list of resources.
func BenchmarkSplit(b *testing.B) {
	const n = 1_000_000
	r := newRing(b, partition.DefaultSettings(), names("worker-%d", 10)...)
	keys := names("server/6f1e3c5a-0000-4000-8000-%012d", n)
	mine := make([]bool, r.Settings().Partitions)
	for p := range r.Owned("worker-3") {
		mine[p] = true
	}
	share := make([]string, 0, n)
	b.ReportAllocs()
	for b.Loop() {
		share = share[:0]
		for _, key := range keys {
			if mine[r.Partition(key)] {
				share = append(share, key)
			}
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1000/float64(b.N), "ms/1M-keys")
	b.ReportMetric(float64(len(share)), "own-keys")
}

func BenchmarkOwned(b *testing.B) {
	r := newRing(b, partition.DefaultSettings(), names("worker-%d", 10)...)
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for range r.Owned("worker-3") {
			n++
		}
		if n == 0 {
			b.Fatal("owns nothing")
		}
	}
}

// BenchmarkRing is what a view costs: built from nothing, made from the last one when one
// member joins or leaves, and asked for again under another epoch.
func BenchmarkRing(b *testing.B) {
	for _, n := range []int{3, 10, 100, 1000} {
		// A window over more names than a builder remembers rings, so that each is built.
		ids := names("worker-%04d", n+10)
		ids = append(ids, ids...)
		b.Run(fmt.Sprintf("members=%d/fresh", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				newRing(b, partition.DefaultSettings(), ids[:n]...)
			}
		})
		b.Run(fmt.Sprintf("members=%d/change", n), func(b *testing.B) {
			build := newBuild(b)
			build(ids[:n])
			var join, leave time.Duration
			for i := 0; b.Loop(); i++ {
				at := i % (n + 10)
				join += build(ids[at : at+n+1])
				leave += build(ids[at+1 : at+n+1])
			}
			b.ReportMetric(float64(join.Microseconds())/1000/float64(b.N), "ms/join")
			b.ReportMetric(float64(leave.Microseconds())/1000/float64(b.N), "ms/leave")
			b.ReportMetric(0, "ns/op") // of both together
		})
		b.Run(fmt.Sprintf("members=%d/again", n), func(b *testing.B) {
			b.ReportAllocs()
			build := newBuild(b)
			build(ids[:n])
			for b.Loop() {
				build(ids[:n])
			}
		})
	}
}

// newBuild returns what builds the next view with one Builder and says how long it took.
func newBuild(b *testing.B) func(ids []string) time.Duration {
	builder, err := partition.NewBuilder(partition.DefaultSettings())
	if err != nil {
		b.Fatal(err)
	}
	epoch := uint64(0)
	return func(ids []string) time.Duration {
		epoch++
		v := partition.View{Epoch: epoch, Members: members(ids...)}
		start := time.Now()
		if _, err := builder.Ring(v); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
}

// BenchmarkMovement says how good the default settings are: what a join and a leave move,
// as a multiple of the one share that has to move, and how far the members with the most
// and with the fewest partitions are from the average.
func BenchmarkMovement(b *testing.B) {
	const sets = 8 // of names, averaged
	s := partition.DefaultSettings()
	for _, n := range []int{3, 10, 30, 100} {
		b.Run(fmt.Sprintf("members=%d", n), func(b *testing.B) {
			var join, leave, most, least float64
			for b.Loop() {
				join, leave, most, least = 0, 0, 0, 0
				for set := range sets {
					ids := names(fmt.Sprintf("set-%d-worker-%%d", set), n+1)
					r := newRing(b, s, ids[:n]...)
					average := float64(s.Partitions) / float64(n)
					join += float64(partition.Moved(r, newRing(b, s, ids...))) / float64(s.Partitions) * float64(n+1) / sets
					leave += float64(partition.Moved(r, newRing(b, s, ids[1:n]...))) / average / sets
					counts := slices.Collect(maps.Values(r.Counts()))
					most += float64(slices.Max(counts)) / average / sets
					least += float64(slices.Min(counts)) / average / sets
				}
			}
			b.ReportMetric(join, "x-join")
			b.ReportMetric(leave, "x-leave")
			b.ReportMetric(most, "max/avg")
			b.ReportMetric(least, "min/avg")
			b.ReportMetric(0, "ns/op") // means nothing here
		})
	}
}
