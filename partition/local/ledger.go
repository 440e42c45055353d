package local

import (
	"context"
	"fmt"
	"slices"

	"github.com/ringmeter/ringmeter/partition"
)

// keptCycles is how many of each source are remembered: the current one, the one whose
// last polls may still be on their way, and one to spare.
const keptCycles = 3

// cycle is the state of one numbered cycle of one source, under its group's mutex.
type cycle struct {
	number     int64
	view       partition.View
	partitions map[int]state // those claimed at least once
	forgotten  bool
}

type state struct {
	holder string // who claimed it last; nobody after an abandoned claim
	stage  stage
}

type stage int

const (
	open stage = iota // given back: may be claimed again
	held
	done
)

// open finds cycle k of a source or begins it on the newest view; g.mu is held.
func (g *group) open(source string, k int64) *cycle {
	cycles := g.sources[source]
	if i := slices.IndexFunc(cycles, func(c *cycle) bool { return c.number == k }); i >= 0 {
		return cycles[i]
	}
	if len(cycles) == keptCycles {
		cycles[0].forget()
		cycles = slices.Delete(cycles, 0, 1)
	}
	c := &cycle{number: k, view: g.view, partitions: map[int]state{}}
	g.sources[source] = append(cycles, c)
	return c
}

// forget ends what ledgers of the cycle may still do; who holds one keeps no claims alive.
func (c *cycle) forget() {
	c.forgotten = true
	c.partitions = nil
}

// abandon opens what a member holds and has not finished.
func (c *cycle) abandon(member string) {
	for p, s := range c.partitions {
		if s.stage == held && s.holder == member {
			c.partitions[p] = state{stage: open}
		}
	}
}

// ledger is a cycle in the hands of one member.
type ledger struct {
	by     *membership
	source string
	cycle  *cycle
}

func (l *ledger) View() partition.View { return l.cycle.view }

func (l *ledger) Claim(ctx context.Context, parts ...int) ([]partition.Claim, error) {
	l.by.mu.Lock()
	defer l.by.mu.Unlock()
	err := l.by.mayWork(ctx)
	if err == nil && l.cycle.forgotten {
		err = partition.ErrCycleOver
	}
	if err == nil && len(parts) > 0 && slices.Min(parts) < 0 {
		err = fmt.Errorf("there is no partition %d", slices.Min(parts))
	}
	if err != nil {
		return nil, l.failed("claiming partitions", err)
	}
	granted := make([]partition.Claim, 0, len(parts))
	for _, p := range parts {
		if s, claimed := l.cycle.partitions[p]; claimed && s.stage != open {
			continue
		}
		l.cycle.partitions[p] = state{holder: l.by.id, stage: held}
		granted = append(granted, l.claim(p))
	}
	return granted, nil
}

// Done may be repeated: a claim that its member has finished stays finished. It and
// Release need no time, so they work after ctx has ended too.
func (l *ledger) Done(_ context.Context, cs ...partition.Claim) error {
	return l.settle("finishing", cs, done)
}

// Release gives claims back unfinished; what is done stays done.
func (l *ledger) Release(_ context.Context, cs ...partition.Claim) error {
	return l.settle("releasing", cs, open)
}

// settle moves held claims on to a stage. Every claim that can be settled is; the error
// tells of the first that cannot and of how many there are.
func (l *ledger) settle(doing string, cs []partition.Claim, to stage) error {
	l.by.mu.Lock()
	defer l.by.mu.Unlock()
	var lost []int // all of one that left, whose claims were abandoned
	for _, c := range cs {
		s := l.cycle.partitions[c.Partition]
		switch mine := !l.by.left && c == l.claim(c.Partition) && s.holder == l.by.id; {
		case mine && s.stage == held:
			l.cycle.partitions[c.Partition] = state{holder: l.by.id, stage: to}
		case mine && s.stage == to: // said again
		default:
			lost = append(lost, c.Partition)
		}
	}
	if len(lost) == 0 {
		return nil
	}
	return l.failed(fmt.Sprintf("%s %d of %d claims, the first of partition %d", doing, len(lost), len(cs), lost[0]), partition.ErrNotHeld)
}

func (l *ledger) Unfinished(ctx context.Context) ([]int, error) {
	l.by.mu.Lock()
	defer l.by.mu.Unlock()
	if err := l.by.mayWork(ctx); err != nil {
		return nil, l.failed("listing what is unfinished", err)
	}
	var parts []int
	for p, s := range l.cycle.partitions {
		if s.stage == open {
			parts = append(parts, p)
		}
	}
	slices.Sort(parts)
	return parts, nil
}

func (l *ledger) claim(p int) partition.Claim {
	return partition.Claim{
		Source: l.source, Member: l.by.id, Cycle: l.cycle.number,
		Partition: p, Epoch: l.cycle.view.Epoch,
	}
}

func (l *ledger) failed(doing string, err error) error {
	return fmt.Errorf("%s in cycle %d of source %q: %w", doing, l.cycle.number, l.source, err)
}
