package partitiontest

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// action is one call of one of two members.
type action struct {
	Member int
	Do     string
	Parts  []int
}

func actions() *rapid.Generator[[]action] {
	one := rapid.Custom(func(rt *rapid.T) action {
		return action{
			rapid.IntRange(0, 1).Draw(rt, "member"),
			rapid.SampledFrom([]string{"claim", "rescue", "steal", "done", "release", "check", "unfinished"}).Draw(rt, "do"),
			rapid.SliceOfNDistinct(rapid.IntRange(0, 3), 1, 3, rapid.ID).Draw(rt, "partitions"),
		}
	})
	return rapid.SliceOfN(one, 5, 20)
}

// book is what a ledger must say: for each partition who had it last and how far it is.
type book map[int]page

type page struct {
	holder int
	stage  string // "", "held", "open" or "done"
	tries  int
}

func (b book) free(p int) bool {
	return b[p].stage == "" || b[p].stage == "open" && b[p].tries < 2
}

// claim changes the book like a grant does, and returns what is granted.
func (b book) claim(me int, parts []int) (granted []int) {
	for _, p := range parts {
		if b.free(p) {
			b[p] = page{me, "held", b[p].tries}
			granted = append(granted, p)
		}
	}
	return granted
}

// settle changes the book and reports whether all parts were in order.
func (b book) settle(do string, me int, parts []int) bool {
	fine := true
	for _, p := range parts {
		e := b[p]
		switch {
		case e.stage == "" || e.holder != me:
			fine = false
		case do == "done" && e.stage == "held":
			b[p] = page{me, "done", e.tries}
		case do == "release" && e.stage == "held":
			b[p] = page{me, "open", e.tries + 1}
		case do == "release" && e.stage == "open", do != "release" && e.stage == "done", do == "check" && e.stage == "held":
		default:
			fine = false
		}
	}
	return fine
}

// model runs random calls of two members in a cycle that is nearly over and compares each
// answer with that of a book.
func model(t *testing.T, backend worker.Backend) {
	ids := []string{"a", "b"}
	a, b := pair(t, backend)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++ // every run has a source of its own
		c := earlier(early(a, fmt.Sprintf("s%d", run)), 1)
		ledgers := []partition.Ledger{mustCycle(t, a, c), mustCycle(t, b, c)}
		truth := book{}
		for _, step := range actions().Draw(rt, "actions") {
			l := ledgers[step.Member]
			var cs []partition.Claim
			for _, p := range step.Parts {
				cs = append(cs, partition.Claim{Source: c.Source, Member: ids[step.Member], Cycle: c.Number, Partition: p, Epoch: l.Ring().View().Epoch})
			}
			var err error
			reasons := map[string]partition.Reason{"claim": partition.Own, "rescue": partition.Rescue, "steal": partition.Steal}
			switch why, claims := reasons[step.Do]; {
			case claims:
				var got []partition.Claim
				got, err = l.Claim(t.Context(), why, step.Parts...)
				want := truth.claim(step.Member, step.Parts)
				if !slices.EqualFunc(got, want, func(c partition.Claim, p int) bool { return c.Partition == p }) {
					rt.Fatalf("%+v: granted %v, want %v", step, got, want)
				}
			case step.Do == "unfinished":
				var got []int
				got, err = l.Unfinished(t.Context(), step.Parts...)
				want := slices.DeleteFunc(slices.Clone(step.Parts), func(p int) bool { return !truth.free(p) })
				if !slices.Equal(got, want) {
					rt.Fatalf("%+v: %v, want %v", step, got, want)
				}
			default:
				err = settling(l)[step.Do](t.Context(), cs...)
				if fine := truth.settle(step.Do, step.Member, step.Parts); (err == nil) != fine {
					rt.Fatalf("%+v: error %v, book %v", step, err, truth)
				}
				err = nil
			}
			if err != nil {
				rt.Fatalf("%+v: %v", step, err)
			}
		}
	})
}
