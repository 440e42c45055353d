package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/ringmeter/ringmeter/partition"
)

type ringSimulateCommand struct {
	ringFlags

	Add     int `placeholder:"N" help:"Members that come."`
	Remove  int `placeholder:"M" help:"Members that go: the last of the list."`
	Members int `placeholder:"K" help:"Begin with this many invented members instead of those of now."`
}

// simulation is what a change of members does to a ring.
type simulation struct {
	Group      string  `json:"group,omitempty"`
	Partitions int     `json:"partitions"`
	Before     balance `json:"before"`
	After      balance `json:"after"`
	Moved      int     `json:"moved"`
	MovedShare float64 `json:"moved_share"` // 0 to 1
	Ideal      float64 `json:"ideal_share"` // what has to move, whoever divides
}

// balance is how evenly a ring divides, each count being divided by the member's weight.
type balance struct {
	Members int     `json:"members"`
	Max     float64 `json:"max_of_average"`
	Min     float64 `json:"min_of_average"`
}

// mostInvented bounds how long a mistyped number can take.
const mostInvented = 5000

// Run prints what would move.
func (c ringSimulateCommand) Run(ctx context.Context, line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	for _, n := range []int{c.Add, c.Remove, c.Members} {
		if n < 0 || n > mostInvented {
			return usageError{fmt.Errorf("%d members: want 0 to %d", n, mostInvented)}
		}
	}
	starts, err := c.starts(ctx, s)
	if err != nil {
		return err
	}
	results := []simulation{}
	for _, g := range starts {
		r, err := simulate(g.ring, c.Add, c.Remove)
		if err != nil {
			return usageError{err}
		}
		r.Group = g.name
		results = append(results, r)
	}
	if c.Output == "json" {
		return writeJSON(p.stdout, results)
	}
	for _, r := range results {
		if err := r.print(p.stdout); err != nil {
			return err
		}
	}
	return nil
}

// starts are the rings to begin with.
func (c ringSimulateCommand) starts(ctx context.Context, s *settings) ([]looked, error) {
	if c.Members == 0 {
		l, err := c.openLook(ctx, s)
		switch {
		case errors.Is(err, errAlone):
			return nil, usageError{errors.New("there is no coordinator to ask for the members of now ([coordination] backend_url is empty); begin with invented ones: --members 10")}
		case errors.Is(err, errUndivided):
			return nil, usageError{err}
		case err != nil:
			return nil, err
		}
		defer l.coordinator.Close()
		for _, g := range l.groups {
			if g.ring == nil {
				return nil, l.mismatch(g)
			}
		}
		return l.groups, nil
	}
	ring, err := partition.NewRing(partition.View{Members: invent("worker", c.Members)}, s.coordination("").settings)
	if err != nil {
		return nil, err
	}
	return []looked{{ring: ring}}, nil
}

// invent makes members of weight 1.
func invent(name string, n int) []partition.Member {
	members := make([]partition.Member, n)
	for i := range members {
		members[i] = partition.Member{ID: fmt.Sprintf("%s-%04d", name, i+1), Weight: 1}
	}
	return members
}

// simulate lets the last members go and new ones come.
func simulate(now *partition.Ring, add, remove int) (simulation, error) {
	members := slices.Clone(now.View().Members)
	if remove > len(members) {
		return simulation{}, fmt.Errorf("removing %d of %s: there are not as many", remove, counted(len(members), "member"))
	}
	members = append(members[:len(members)-remove], invent("added", add)...)
	after, err := partition.NewRing(partition.View{Members: members}, now.Settings())
	if err != nil {
		return simulation{}, err
	}
	partitions := now.Settings().Partitions
	moved := partition.Moved(now, after)
	return simulation{
		Partitions: partitions, Before: balanceOf(now), After: balanceOf(after),
		Moved: moved, MovedShare: float64(moved) / float64(partitions), Ideal: ideal(now, after),
	}, nil
}

// weights are the shares that the members should have, 0 to 1, by ID.
func weights(r *partition.Ring) map[string]float64 {
	sum := 0
	for _, m := range r.View().Members {
		sum += m.Weight
	}
	shares := map[string]float64{}
	for _, m := range r.View().Members {
		if m.Weight > 0 {
			shares[m.ID] = float64(m.Weight) / float64(sum)
		}
	}
	return shares
}

// ideal is the part that has to move: what members have too much of, or too little.
func ideal(before, after *partition.Ring) float64 {
	was, is := weights(before), weights(after)
	come, gone := 0.0, 0.0
	for id, share := range is {
		come += max(share-was[id], 0)
	}
	for id, share := range was {
		gone += max(share-is[id], 0)
	}
	return max(come, gone)
}

func balanceOf(r *partition.Ring) balance {
	b := balance{Members: len(r.View().Members)}
	shares, first := weights(r), true
	for id, n := range r.Counts() {
		if shares[id] == 0 {
			continue
		}
		ratio := float64(n) / (shares[id] * float64(r.Settings().Partitions))
		b.Max = max(b.Max, ratio)
		if first || ratio < b.Min {
			b.Min, first = ratio, false
		}
	}
	return b
}

func (r simulation) print(w io.Writer) error {
	if r.Group != "" {
		fmt.Fprintf(w, "group %s\n", r.Group)
	}
	fmt.Fprintf(w, "moved: %.1f %% of %d partitions, ideal %.1f %%\n", 100*r.MovedShare, r.Partitions, 100*r.Ideal)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tMEMBERS\tMAX/AVG\tMIN/AVG\t")
	fmt.Fprintf(t, "before\t%d\t%.2f\t%.2f\t\n", r.Before.Members, r.Before.Max, r.Before.Min)
	fmt.Fprintf(t, "after\t%d\t%.2f\t%.2f\t\n", r.After.Members, r.After.Max, r.After.Min)
	return t.Flush()
}
