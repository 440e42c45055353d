package steps

import (
	"context"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// Store runs the steps of one group, one at a time. An error means that it is not known
// whether the step was run.
type Store interface {
	Beat(context.Context, Beat) (Beaten, error)
	Restore(context.Context, Restore) error
	Leave(context.Context, Caller) error
	Begin(context.Context, Begin) (Begun, error)
	Claim(context.Context, Claim) (Parts, error)
	Settle(context.Context, Settle) (Parts, error)
	Held(context.Context, Listed) (Parts, error)
	Backfill(context.Context, Backfill) (Status, error)
	Unfinished(context.Context, Listed) (Parts, error)
	Coverage(context.Context, Turn) (partition.Coverage, error)
	Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error
	Read(ctx context.Context, key string) (partition.Post, error) // or partition.ErrNoPost
	Look(context.Context) (Picture, error)
}

// Status is how a step went.
type Status uint8

// What a step may answer. Each but OK means that nothing was changed.
const (
	OK        Status = iota
	Mismatch         // the group works with other ring settings
	Amnesia          // the epoch has gone back: restore the group, then beat again
	Replaced         // a newer process has the caller's ID
	WrongEra         // the group was restored since: beat, then ask again
	NoLease          // the caller has no lease: beat, then ask again
	NoLedger         // the cycle has not begun, or was lost: begin it, then ask again
	WrongView        // the cycle is pinned to another view
	TooEarly         // the cycle has not begun by the coordinator's clock
	Over             // the cycle ended two intervals ago
	Late             // the caller does not wait for the answer any more
	numStatus = iota
)

// String names the status.
func (s Status) String() string {
	names := [numStatus]string{"ok", "mismatch", "amnesia", "replaced", "wrong era", "no lease",
		"no ledger", "wrong view", "too early", "over", "late"}
	if int(s) >= len(names) {
		return "unknown status"
	}
	return names[s]
}

// Caller is a process that is a member.
type Caller struct {
	ID          string
	Incarnation int64 // of the process, given by the coordinator when it joined; 0 joins
	Era         int64 // the last one known; 0 for none
	// Until when the caller waits, by the coordinator's clock; 0 for ever. A coordinator
	// that was frozen finds requests that nobody stands by any more.
	Until int64
}

func (c *Caller) late(now int64) bool { return c.Until != 0 && now > c.Until }

// Beat is a heartbeat. It joins, renews the lease and sweeps in one.
type Beat struct {
	Caller
	Weight   int
	Address  string
	Settings string // of the ring; all members must have the same
	Epoch    uint64 // the newest one known
	// How long the lease is, how long joins wait for others, and how long at most.
	TTL, Settle, SettleMost time.Duration
}

// Beaten answers a Beat.
type Beaten struct {
	Status      Status
	Now         int64
	Incarnation int64
	Era         int64
	Epoch       uint64
	InView      bool            // false while the join waits for others
	Grace       bool            // the coordinator was away and not everybody is back yet
	View        *partition.View // nil when the caller knows it
	Settings    string          // those of the group, on a Mismatch
}

// Restore tells a coordinator that has lost its memory what it knew.
type Restore struct {
	Caller
	Settings string
	View     partition.View // the newest one known
	TTL      time.Duration
}

// Turn is one cycle of one source in the hands of a caller.
type Turn struct {
	Caller
	Source   string
	Number   int64
	Interval int64  // milliseconds
	Epoch    uint64 // of the pinned view; not looked at by Begin
}

// Start is when the cycle begins, in milliseconds since 1970.
func (t Turn) Start() int64 { return t.Number * t.Interval }

// Begin opens a cycle.
type Begin struct {
	Turn
	Expected int
	Known    *partition.View // pinned before the ledger was lost, or used without one
}

// Begun answers a Begin.
type Begun struct {
	Status Status
	View   partition.View
}

// Claim asks for partitions.
type Claim struct {
	Turn
	Reason partition.Reason
	Parts  []int
}

// Settle ends claims.
type Settle struct {
	Turn
	Done, Release []int
}

// Listed asks about partitions.
type Listed struct {
	Turn
	Parts []int
}

// Backfill hands in what was done and is held without the ledger knowing.
type Backfill struct {
	Turn
	View       partition.View // that the work was divided by
	Done, Held []int
}

// Parts is a status and some of the partitions of the request, in their order: those
// granted or already held (Claim), those that are not the caller's (Settle, Held), those
// that could be claimed (Unfinished).
type Parts struct {
	Status Status
	Parts  []int
}

// Picture is all that there is to see of a group.
type Picture struct {
	Now      int64
	Settings string
	Era      int64
	Grace    int64 // until when nobody is swept; 0 when the group is in order
	View     partition.View
	Members  []Seen   // sorted by ID
	Sources  []Newest // sorted by name
}

// Seen is a member as the coordinator knows it.
type Seen struct {
	partition.Member
	Incarnation    int64
	Beat, Deadline int64 // of the last heartbeat and of the lease
	Pending        bool  // its join waits for others
}

// Newest is the newest cycle of a source that has begun.
type Newest struct {
	Source   string
	Number   int64
	Interval int64 // milliseconds
}
