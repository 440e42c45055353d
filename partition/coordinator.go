package partition

import (
	"context"
	"errors"
)

var (
	// ErrNotHeld is returned for a claim that its member does not hold: it was released,
	// finished by somebody else, given up by leaving, or is of a cycle that is forgotten.
	// What was done under it may be done again by another worker.
	ErrNotHeld = errors.New("claim is not held")
	// ErrLeft is returned by a membership and its ledgers for new work after Leave.
	ErrLeft = errors.New("member has left its group")
	// ErrCycleOver is returned for new claims of a cycle that newer ones have displaced.
	ErrCycleOver = errors.New("cycle is over")
)

// Member is one worker of a group.
type Member struct {
	ID     string // unique in the group, stable over restarts where the site configures it
	Weight int    // share of the ring relative to the others; 0 drains
}

// View is one agreed membership of a group.
type View struct {
	Epoch   uint64   // grows with every change
	Members []Member // sorted by ID, no duplicates
}

// Claim is the right to poll one partition in one cycle; a value, so that it can travel
// with the samples to the place where the last check is made.
type Claim struct {
	Source, Member string
	Cycle          int64
	Partition      int
	Epoch          uint64
}

// Coordinator lets workers find each other.
type Coordinator interface {
	Join(ctx context.Context, group string, m Member) (Membership, error)
}

// Membership is this worker's place in one group.
type Membership interface {
	View() View               // newest known; never blocks
	Changed() <-chan struct{} // closed when View is no longer current
	// Cycle opens numbered cycle k of a source on the view pinned for it.
	Cycle(ctx context.Context, source string, k int64) (Ledger, error)
	Leave(ctx context.Context) error
}

// Ledger is one numbered cycle of one source on one pinned view.
type Ledger interface {
	View() View
	Claim(ctx context.Context, parts ...int) ([]Claim, error) // only those granted
	Done(ctx context.Context, cs ...Claim) error
	Release(ctx context.Context, cs ...Claim) error
	Unfinished(ctx context.Context) ([]int, error) // what may be rescued now
}
