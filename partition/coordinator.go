package partition

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var (
	// ErrNotHeld is returned for a claim that its member does not hold: it was released,
	// finished by somebody else, taken over, or is of a cycle that is forgotten. What was
	// done under it may be done again by another worker.
	ErrNotHeld = errors.New("claim is not held")
	// ErrLeft is returned by a membership and its ledgers for new work after Leave.
	ErrLeft = errors.New("member has left its group")
	// ErrCycleOver is returned for new claims of a cycle that is too long over.
	ErrCycleOver = errors.New("cycle is over")
	// ErrClock is returned for a cycle that has not begun by the group's clock.
	ErrClock = errors.New("cycle has not begun by the group's clock")
	// ErrFenced is returned while the member's lease is over and nothing says that it may
	// go on without one: what it holds may be with somebody else by now.
	ErrFenced = errors.New("the lease is over")
	// ErrReplaced is returned for ever once a newer process has joined under the same ID.
	ErrReplaced = errors.New("another worker has joined under the same member id")
	// ErrNoPost is returned by Read when there is nothing under a key.
	ErrNoPost = errors.New("nothing is posted")
)

// MismatchError says that a group works with other ring settings than the one who wants to
// join. With both, the two would disagree about owners while each looks right by itself.
type MismatchError struct {
	Group        string
	Theirs, Ours string // Settings.String, or what describes them for any number of members
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("group %q works with other ring settings: %s", e.Group, Difference(e.Theirs, e.Ours))
}

// Member is one worker of a group.
type Member struct {
	ID      string // unique in the group, stable over restarts where the site configures it
	Weight  int    // share of the ring relative to the others; 0 drains
	Address string // base URL where the other members may ask it about the ring; may be ""
}

// View is one agreed membership of a group.
type View struct {
	Epoch   uint64   // grows with every change
	Members []Member // sorted by ID, no duplicates
}

// Cycle is one numbered cycle of one source.
type Cycle struct {
	Source   string
	Number   int64         // Membership.Now divided by Interval, rounded down
	Interval time.Duration // at least a millisecond
	Expected int           // partitions that hold something, for Coverage; 0 when not known
}

// Start is when the cycle begins by the group's clock.
func (c Cycle) Start() time.Time { return time.Unix(0, c.Number*int64(c.Interval)) }

// Claim is the right to poll one partition in one cycle; a value, so that it can travel
// with the samples to the place where the last check is made.
type Claim struct {
	Source, Member string
	Cycle          int64
	Partition      int
	Epoch          uint64
}

// Reason says why a member wants a partition.
type Reason uint8

const (
	// Own partitions belong to the member by the ring of the cycle.
	Own Reason = iota
	// Rescue takes what a member that is gone has left.
	Rescue
	// Steal takes what nobody has claimed, or was handed back, late in the cycle (from 85
	// % of it on) although its owner lives.
	Steal
)

// Coverage is what has become of the partitions of one cycle.
type Coverage struct {
	Expected int // the most that any member has expected; 0 when nobody has said
	Claimed  int // held and not done
	Open     int // handed back and not taken again
	Done     int
	// Of those done:
	Rescued, Stolen int
	Late            int // done after the end of the cycle
}

// Mode is how a member stands to its group.
type Mode uint8

const (
	// Joining members are known to the coordinator and in no view yet.
	Joining Mode = iota
	// Linked members are in the view and hear from the coordinator.
	Linked
	// Away members do not reach the coordinator and go on with what they own.
	Away
	// Fenced members claim and publish nothing divided: their lease is over and others may
	// have taken their share.
	Fenced
	// Replaced members have ended: a newer process has their ID.
	Replaced
	// Left members have left.
	Left
)

// String is the word for the mode in texts for people.
func (m Mode) String() string {
	names := [...]string{"joining", "linked", "away", "fenced", "replaced", "left"}
	if int(m) >= len(names) {
		return fmt.Sprintf("mode %d", uint8(m))
	}
	return names[m]
}

// State is how a member stands to its group at one moment.
type State struct {
	Mode   Mode
	Since  time.Time     // by the local clock
	Reason string        // why it is not Linked; "" when it is
	Beat   time.Time     // of the last heartbeat that was answered, by the local clock
	Skew   time.Duration // of the group's clock against the local one
}

// Post is what one member has found out for all.
type Post struct {
	Version int64
	Data    []byte
}

// Coordinator lets workers find each other.
type Coordinator interface {
	// Join makes m a member. It fails when the coordinator cannot be reached, or with a
	// *MismatchError. The membership lives until Leave; ctx bounds joining alone.
	Join(ctx context.Context, group string, m Member) (Membership, error)
}

// Membership is this worker's place in one group.
type Membership interface {
	Ring() *Ring              // of the newest view known; never nil, never blocks
	State() State             // never blocks
	Changed() <-chan struct{} // closed when Ring or State.Mode is no longer what it was
	Now() time.Time           // by the group's clock, without a monotonic reading
	// Cycle opens a cycle of a source on the view that is pinned for it. While the
	// coordinator is away that is the view of the cycle before.
	Cycle(ctx context.Context, c Cycle) (Ledger, error)
	// Post leaves something for the other members, for as long as keep. An older version
	// does not replace a newer one.
	Post(ctx context.Context, key string, p Post, keep time.Duration) error
	// Read is the newest under key, or ErrNoPost.
	Read(ctx context.Context, key string) (Post, error)
	// Leave ends the membership. What is claimed and not done is for others to take.
	Leave(ctx context.Context) error
}

// Ledger is one numbered cycle of one source on one pinned view.
type Ledger interface {
	Ring() *Ring // of the pinned view
	// Claim returns the claims that were granted. While the coordinator is away it grants
	// what is Own, once, and nothing else.
	Claim(ctx context.Context, why Reason, parts ...int) ([]Claim, error)
	// Check is nil while what was polled under cs may be published: at once while the
	// lease lasts, after asking the coordinator when it was over in between. The slice must
	// not be changed afterwards, for it is recognised when the same is asked again.
	Check(ctx context.Context, cs ...Claim) error
	// Done finishes claims. While the coordinator is away they are noted and handed in
	// when it is back, before anything else.
	Done(ctx context.Context, cs ...Claim) error
	// Release hands claims back unfinished after an attempt; a partition is granted twice
	// in a cycle at most.
	Release(ctx context.Context, cs ...Claim) error
	// Unfinished says which of the partitions could be claimed now, for whatever reason.
	Unfinished(ctx context.Context, among ...int) ([]int, error)
	Coverage(ctx context.Context) (Coverage, error)
}
