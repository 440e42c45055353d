package steps_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// place is a partition of a cycle in an era, slot a cycle in an era.
type place struct {
	slot
	part int
}

type slot struct{ era, number int64 }

// worker is a process of the property test with what it remembers.
type worker struct {
	process
	deadline int64           // of its lease
	done     map[int64][]int // by cycle
}

// world watches a group from outside and remembers what must stay true.
type world struct {
	group   steps.Group
	now     int64
	workers []*worker
	views   map[slot]partition.View
	holders map[place]*worker // who was granted it last and has not handed it back
	done    map[place]bool
	backs   map[place]int // how often it was handed back
}

// lives reports whether x may have a lease: it was given one that is not over, it has not
// left, and no other process of its member was heard since.
func (w *world) lives(x *worker) bool { return x.deadline > w.now }

func (w *world) grace() bool { return w.group.Grace != 0 && w.now < w.group.Grace }

func (w *world) join(t *rapid.T) {
	x := &worker{process: process{Caller: steps.Caller{ID: rapid.StringMatching(`[abc]`).Draw(t, "id")},
		pinned: map[int64]partition.View{}}, done: map[int64][]int{}}
	w.workers = append(w.workers, x)
	w.now++ // two processes of one member never join within a millisecond
	w.beat(t, x)
}

// beat is a heartbeat with what a member does about its answer.
func (w *world) beat(t *rapid.T, x *worker) {
	before, members := w.group.View.Epoch, slices.Collect(maps.Keys(w.group.Members))
	known := w.group.Members[x.ID]
	reply := w.group.Beat(w.now, steps.Beat{Caller: x.Caller, Weight: 1, Settings: "s", Epoch: x.view.Epoch,
		TTL: ttl, Settle: 5 * time.Second, SettleMost: 30 * time.Second})
	switch reply.Status {
	case steps.Amnesia:
		if x.view.Epoch <= before {
			t.Fatalf("%s is told of amnesia at epoch %d and knows %d", x.ID, before, x.view.Epoch)
		}
		w.group.Restore(w.now, steps.Restore{Caller: x.Caller, Settings: "s", View: x.view, TTL: ttl})
		if w.group.View.Epoch < x.view.Epoch {
			t.Fatalf("epoch %d was restored as %d", x.view.Epoch, w.group.View.Epoch)
		}
		w.beat(t, x)
		return
	case steps.Replaced:
		if known == nil || known.Incarnation <= x.Incarnation {
			t.Fatalf("%s was replaced by nobody", x.ID)
		}
		x.deadline = 0
		return
	default:
	}
	if known != nil && x.Incarnation != 0 && x.Incarnation < known.Incarnation {
		t.Fatalf("an older process of %s was not replaced", x.ID)
	}
	if reply.Status != steps.OK || reply.Epoch < x.view.Epoch || reply.Epoch < before {
		t.Fatalf("epoch %d, then %+v", max(x.view.Epoch, before), reply)
	}
	if _, in := w.group.Members[x.ID]; !in {
		t.Fatalf("%s has beaten and is no member", x.ID)
	}
	for _, id := range members {
		if _, still := w.group.Members[id]; !still && reply.Grace {
			t.Fatalf("%s was swept in grace", id)
		}
	}
	anew := x.Era != 0 && x.Era != reply.Era
	for _, other := range w.workers {
		if other.ID == x.ID {
			other.deadline = 0
		}
	}
	x.Incarnation, x.Era, x.deadline = reply.Incarnation, reply.Era, w.now+ttl.Milliseconds()
	if reply.View != nil {
		x.view = *reply.View
	}
	if anew {
		w.handIn(t, x)
	}
}

// handIn is what a member does in a new era. What it has done must not be done again.
func (w *world) handIn(t *rapid.T, x *worker) {
	for number, view := range x.pinned {
		at := slot{x.Era, number}
		status := w.group.Backfill(w.now, steps.Backfill{Turn: w.turn(x, number), View: view, Done: x.done[number]})
		if status == steps.Over {
			continue
		}
		if status != steps.OK {
			t.Fatalf("handing in was refused: %v", status)
		}
		if _, known := w.views[at]; !known {
			w.views[at] = view
		}
		for _, p := range x.done[number] {
			if holder := w.holders[place{at, p}]; holder == nil || !w.lives(holder) && !w.grace() {
				w.done[place{at, p}] = true
			}
		}
	}
}

func (w *world) turn(x *worker, number int64) steps.Turn {
	return steps.Turn{Caller: x.Caller, Source: "src", Number: number, Interval: interval, Epoch: x.pinned[number].Epoch}
}

// begin opens the current cycle.
func (w *world) begin(t *rapid.T, x *worker) int64 {
	number := w.now / interval
	b := steps.Begin{Turn: w.turn(x, number)}
	if known, ok := x.pinned[number]; ok {
		b.Known = &known
	}
	begun := w.group.Begin(w.now, b)
	if begun.Status != steps.OK {
		if x.Era == w.group.Era {
			t.Fatalf("beginning a cycle: %v", begun.Status)
		}
		return number
	}
	at := slot{x.Era, number}
	if pinned, ok := w.views[at]; ok {
		if diff := cmp.Diff(pinned, begun.View); diff != "" {
			t.Fatalf("the pinned view has changed (-was +is):\n%s", diff)
		}
	} else if b.Known != nil {
		if diff := cmp.Diff(*b.Known, begun.View); diff != "" {
			t.Fatalf("the view of a lost ledger (-was +is):\n%s", diff)
		}
	}
	w.views[at], x.pinned[number] = begun.View, begun.View
	return number
}

func drawParts(t *rapid.T, name string) []int {
	return rapid.SliceOfNDistinct(rapid.IntRange(0, 5), 0, 4, rapid.ID).Draw(t, name)
}

func (w *world) claim(t *rapid.T, x *worker) {
	number := w.begin(t, x)
	reason := rapid.SampledFrom([]partition.Reason{partition.Own, partition.Rescue, partition.Steal}).Draw(t, "reason")
	asked := drawParts(t, "parts")
	reply := w.group.Claim(w.now, steps.Claim{Turn: w.turn(x, number), Reason: reason, Parts: asked})
	if reply.Status == steps.OK && !w.lives(x) {
		t.Fatalf("%s claims without a lease", x.ID)
	}
	for _, p := range reply.Parts {
		at := place{slot{x.Era, number}, p}
		holder := w.holders[at]
		switch {
		case !slices.Contains(asked, p):
			t.Fatalf("%d was not asked for", p)
		case w.done[at]:
			t.Fatalf("%d is done and was granted to %s", p, x.ID)
		case holder == x:
			continue
		case holder != nil && w.lives(holder):
			t.Fatalf("%d is held by %s, who lives, and was granted to %s", p, holder.ID, x.ID)
		case reason != partition.Own && w.grace():
			t.Fatalf("%d was taken over in grace", p)
		case w.backs[at] >= 2:
			t.Fatalf("%d was handed back %d times and granted again", p, w.backs[at])
		}
		w.holders[at] = x
	}
}

func (w *world) settle(t *rapid.T, x *worker) {
	number := w.begin(t, x)
	r := steps.Settle{Turn: w.turn(x, number), Done: drawParts(t, "done"), Release: drawParts(t, "released")}
	r.Release = slices.DeleteFunc(r.Release, func(p int) bool { return slices.Contains(r.Done, p) })
	// In a ledger that was lost it is believed that it holds what has no trace.
	var believed []int
	if c := w.group.Cycles[steps.Key{Source: r.Source, Number: number}]; c != nil && c.Reborn {
		believed = slices.DeleteFunc(slices.Concat(r.Done, r.Release), func(p int) bool { _, traced := c.Entries[p]; return traced })
	}
	reply := w.group.Settle(w.now, r)
	if reply.Status != steps.OK {
		return
	}
	for _, p := range believed {
		w.holders[place{slot{x.Era, number}, p}] = x
	}
	for _, p := range r.Done {
		at := place{slot{x.Era, number}, p}
		if slices.Contains(reply.Parts, p) || w.done[at] {
			continue
		}
		if w.holders[at] != x {
			t.Fatalf("%s finishes %d, which it does not hold", x.ID, p)
		}
		w.done[at] = true
		x.done[number] = append(x.done[number], p)
	}
	for _, p := range r.Release {
		at := place{slot{x.Era, number}, p}
		if w.holders[at] == x && !slices.Contains(reply.Parts, p) {
			delete(w.holders, at)
			w.backs[at]++
		}
	}
}

func (w *world) check(t *rapid.T) {
	p := w.group.Look(w.now)
	for i, m := range p.View.Members {
		if i > 0 && strings.Compare(p.View.Members[i-1].ID, m.ID) >= 0 {
			t.Fatalf("the view is out of order: %v", p.View)
		}
		if seen := w.group.Members[m.ID]; seen == nil || seen.Pending {
			t.Fatalf("%s is in the view and no member", m.ID)
		}
	}
	for _, m := range p.Members {
		inView := slices.ContainsFunc(p.View.Members, func(v partition.Member) bool { return v.ID == m.ID })
		if inView == m.Pending {
			t.Fatalf("%s: in view %v, waits %v", m.ID, inView, m.Pending)
		}
		if m.Pending && w.group.FirstJoin == 0 {
			t.Fatalf("%s waits and no join does", m.ID)
		}
	}
}

// TestInvariants runs random requests of several processes, with time passing and the
// coordinator losing its memory in between.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{now: base, views: map[slot]partition.View{}, holders: map[place]*worker{},
			done: map[place]bool{}, backs: map[place]int{}}
		some := func(f func(*rapid.T, *worker)) func(*rapid.T) {
			return func(t *rapid.T) {
				if len(w.workers) > 0 {
					f(t, rapid.SampledFrom(w.workers).Draw(t, "worker"))
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":     w.check,
			"join": w.join,
			"wait": func(t *rapid.T) {
				w.now += rapid.SampledFrom([]int64{1, 1000, 3000, 5000, 7000, 8000, 14_000, 16_000, 31_000, 50_000}).Draw(t, "wait")
			},
			"beat": some(w.beat),
			"everybody beats": func(t *rapid.T) {
				for _, x := range w.workers {
					w.beat(t, x)
				}
			},
			"leave": some(func(_ *rapid.T, x *worker) {
				w.group.Leave(w.now, x.Caller)
				for _, other := range w.workers {
					if other.ID == x.ID && other.Incarnation <= x.Incarnation {
						other.deadline = 0
					}
				}
			}),
			"claim":       some(w.claim),
			"claim more":  some(w.claim),
			"settle":      some(w.settle),
			"settle more": some(w.settle),
			"forget": func(t *rapid.T) {
				if rapid.IntRange(0, 4).Draw(t, "unlikely") == 0 {
					w.group = steps.Group{}
					w.now += 1000 // eras are told apart by when they began
				}
			},
		})
		w.join(t)
		survivor := w.workers[len(w.workers)-1]
		for range 12 { // more than two leases, and a third for the survivor's own beats
			w.now += 5000
			w.beat(t, survivor)
		}
		if got := w.group.Look(w.now); len(got.Members) != 1 || len(got.View.Members) != 1 || got.Grace != 0 {
			t.Fatalf("everybody but %s is dead: %+v", survivor.ID, got)
		}
		for _, x := range w.workers {
			w.beat(t, x) // back, or replaced
			w.check(t)
		}
	})
}
