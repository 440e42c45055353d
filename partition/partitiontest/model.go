package partitiontest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
)

// model runs random operations of two members on one cycle and compares each answer with
// a map of who holds what.
func model(t *testing.T, c partition.Coordinator) {
	const partitions = 8
	ids := []string{"a", "b"}
	ms := []partition.Membership{mustJoin(t, c, "g", ids[0]), mustJoin(t, c, "g", ids[1])}
	await(t, ms[0], ids...)
	await(t, ms[1], ids...)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // every run has a source of its own
		source := fmt.Sprintf("s%d", run)
		ledgers := []partition.Ledger{mustCycle(t, ms[0], source, 1), mustCycle(t, ms[1], source, 1)}
		epoch := ledgers[0].View().Epoch
		holder, done := map[int]int{}, map[int]bool{}
		reopened := map[int]int{} // by whom it was released last
		pick := func() (int, []int) {
			return rapid.IntRange(0, 1).Draw(rt, "member"),
				rapid.SliceOfNDistinct(rapid.IntRange(0, partitions-1), 0, 4, rapid.ID).Draw(rt, "partitions")
		}
		claims := func(me int, parts []int) []partition.Claim {
			var cs []partition.Claim
			for _, p := range parts {
				cs = append(cs, partition.Claim{Source: source, Member: ids[me], Cycle: 1, Partition: p, Epoch: epoch})
			}
			return cs
		}
		rt.Repeat(map[string]func(*rapid.T){
			"claim": func(rt *rapid.T) {
				me, parts := pick()
				var free []int
				for _, p := range parts {
					if _, held := holder[p]; !held {
						free = append(free, p)
						holder[p] = me
						delete(reopened, p)
					}
				}
				got, err := ledgers[me].Claim(t.Context(), parts...)
				if err != nil {
					rt.Fatal(err)
				}
				if want := claims(me, free); !slices.Equal(got, want) {
					rt.Fatalf("granted %v, want %v", got, want)
				}
			},
			"done": func(rt *rapid.T) {
				me, parts := pick()
				fine := true
				for _, p := range parts {
					if by, held := holder[p]; held && by == me {
						done[p] = true
					} else {
						fine = false
					}
				}
				if err := ledgers[me].Done(t.Context(), claims(me, parts)...); (err == nil) != fine {
					rt.Fatalf("%s finishing %v: error %v", ids[me], parts, err)
				}
			},
			"release": func(rt *rapid.T) {
				me, parts := pick()
				fine := true
				for _, p := range parts {
					by, held := holder[p]
					last, again := reopened[p]
					switch {
					case held && by == me && !done[p]:
						delete(holder, p)
						reopened[p] = me
					case !held && again && last == me: // said again
					default:
						fine = false
					}
				}
				if err := ledgers[me].Release(t.Context(), claims(me, parts)...); (err == nil) != fine {
					rt.Fatalf("%s releasing %v: error %v", ids[me], parts, err)
				}
			},
			"": func(rt *rapid.T) {
				for _, l := range ledgers {
					got, err := l.Unfinished(t.Context())
					if err != nil {
						rt.Fatal(err)
					}
					for p := range partitions {
						if _, want := reopened[p]; slices.Contains(got, p) != want {
							rt.Fatalf("unfinished are %v, released are %v", got, reopened)
						}
					}
				}
			},
		})
	})
}
