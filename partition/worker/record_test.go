package worker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// record is what members were granted and what they published, seen from outside.
type record struct {
	mu        sync.Mutex
	members   []*member
	opened    map[int64]map[string]bool // cycle → those who opened it
	over      int64                     // the first cycle that was not wholly polled
	granted   map[[2]int64][]string     // cycle and partition → to whom
	published map[[2]int64][]string
	grants    map[[2]int64][]grant
	rivals    []string // what two members might have published at the same time
}

// grant is a claim with what it takes to check it.
type grant struct {
	member *member
	ledger partition.Ledger
	claim  partition.Claim
}

func newRecord(ms ...*member) *record {
	return &record{members: ms, opened: map[int64]map[string]bool{}, granted: map[[2]int64][]string{},
		published: map[[2]int64][]string{}, grants: map[[2]int64][]grant{}}
}

func (r *record) open(number int64, who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opened[number] == nil {
		r.opened[number] = map[string]bool{}
	}
	r.opened[number][who] = true
}

func (r *record) note(in map[[2]int64][]string, who string, cs []partition.Claim) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range cs {
		at := [2]int64{c.Cycle, int64(c.Partition)}
		in[at] = append(in[at], who)
	}
}

// wantEachOnce checks the cycles that all members have opened.
func (r *record) wantEachOnce(t *testing.T) {
	t.Helper()
	whole := 0
	for number, by := range r.opened {
		if len(by) != len(r.members) || number >= r.over {
			continue
		}
		whole++
		for p := range int64(divided) {
			at := [2]int64{number, p}
			if g, p := r.granted[at], r.published[at]; len(g) != 1 || len(p) != 1 {
				t.Errorf("partition %d of cycle %d was granted to %v and published by %v, want one of each", at[1], number, g, p)
			}
		}
	}
	if whole < 3 {
		t.Errorf("only %d cycles were opened by all", whole)
	}
}

// wantNoRivals checks that no two members might publish the same at the same time.
func (r *record) wantNoRivals(t *testing.T) {
	t.Helper()
	for _, text := range r.rivals {
		t.Error(text)
	}
	if len(r.published) < 3*divided {
		t.Errorf("only %d partitions were published", len(r.published))
	}
}

// compare notes it when another member may publish the same now.
func (r *record) compare(ctx context.Context, mine grant) {
	at := [2]int64{mine.claim.Cycle, int64(mine.claim.Partition)}
	r.mu.Lock()
	others := slices.Clone(r.grants[at])
	r.grants[at] = append(r.grants[at], mine)
	r.mu.Unlock()
	for _, other := range others {
		if other.member == mine.member || other.member.link.frozen() || other.ledger.Check(ctx, other.claim) != nil {
			continue
		}
		if mine.ledger.Check(ctx, mine.claim) == nil {
			r.mu.Lock()
			r.rivals = append(r.rivals, fmt.Sprintf("%v: %s and %s may both publish partition %d of cycle %d",
				time.Now(), other.member.id, mine.member.id, at[1], at[0]))
			r.mu.Unlock()
		}
	}
}

// poll makes members poll what they own, cycle by cycle, and take over what others have
// left, until the returned function is called.
func (r *record) poll(w *world, ms ...*member) (stop func()) {
	ctx, cancel := context.WithCancel(w.Context())
	var wg sync.WaitGroup
	for _, m := range ms {
		wg.Go(func() {
			for ctx.Err() == nil {
				c := m.cycle()
				wg.Go(func() { r.cycle(ctx, m, c) })
				next := c
				next.Number++
				until(ctx, m, next.Start())
			}
		})
	}
	return func() {
		r.mu.Lock()
		r.over = ms[0].cycle().Number
		r.mu.Unlock()
		cancel()
		wg.Wait()
	}
}

// until waits for a moment by the group's clock.
func until(ctx context.Context, m *member, at time.Time) {
	for ctx.Err() == nil && m.Now().Before(at) {
		select {
		case <-time.After(max(at.Sub(m.Now()), time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// cycle polls for one cycle: its own partitions at their slots, then what is left.
func (r *record) cycle(ctx context.Context, m *member, c partition.Cycle) {
	var l partition.Ledger
	for l == nil {
		var err error
		if l, err = m.Cycle(ctx, c); err != nil {
			if until(ctx, m, m.Now().Add(time.Second)); ctx.Err() != nil || m.cycle().Number > c.Number {
				return
			}
		}
	}
	r.open(c.Number, m.id)
	at := func(phase float64) time.Time { return c.Start().Add(time.Duration(phase * float64(c.Interval))) }
	ring := l.Ring()
	own := slices.Collect(ring.Owned(m.id))
	slices.SortFunc(own, func(a, b int) int {
		return int(at(ring.Slot(a, 0.7)).Sub(at(ring.Slot(b, 0.7))))
	})
	for batch := range slices.Chunk(own, 3) {
		until(ctx, m, at(ring.Slot(batch[0], 0.7)))
		r.attempt(ctx, m, l, partition.Own, batch)
	}
	var foreign []int
	for p := range divided {
		if !slices.Contains(own, p) {
			foreign = append(foreign, p)
		}
	}
	for _, step := range []struct {
		phase float64
		why   partition.Reason
	}{{.75, partition.Rescue}, {.8, partition.Rescue}, {.9, partition.Steal}} {
		until(ctx, m, at(step.phase))
		r.attempt(ctx, m, l, partition.Own, own) // while members come back it may have been refused
		var gone []int
		for _, p := range foreign {
			owner, _ := ring.Owner(p)
			alive := slices.ContainsFunc(m.Ring().View().Members, func(o partition.Member) bool { return o.ID == owner.ID })
			if step.why == partition.Steal || !alive {
				gone = append(gone, p)
			}
		}
		if free, err := l.Unfinished(ctx, gone...); err == nil {
			r.attempt(ctx, m, l, step.why, free)
		}
	}
}

// attempt claims, polls for a while, and publishes what it may.
func (r *record) attempt(ctx context.Context, m *member, l partition.Ledger, why partition.Reason, parts []int) {
	cs, err := l.Claim(ctx, why, parts...)
	for range 15 { // work waits for a member that is fenced
		if err == nil || why != partition.Own || ctx.Err() != nil {
			break
		}
		until(ctx, m, m.Now().Add(time.Second))
		cs, err = l.Claim(ctx, why, parts...)
	}
	if err != nil || len(cs) == 0 {
		return
	}
	r.note(r.granted, m.id, cs)
	until(ctx, m, m.Now().Add(300*time.Millisecond))
	for range 30 { // publishing waits for a member that is fenced
		if err = l.Check(ctx, cs...); err == nil || ctx.Err() != nil {
			break
		}
		cs = slices.DeleteFunc(cs, func(c partition.Claim) bool { return errors.Is(l.Check(ctx, c), partition.ErrNotHeld) })
		until(ctx, m, m.Now().Add(time.Second))
	}
	if err != nil || ctx.Err() != nil {
		return
	}
	r.note(r.published, m.id, cs)
	for _, c := range cs {
		r.compare(ctx, grant{m, l, c})
	}
	_ = l.Done(ctx, cs...)
}
