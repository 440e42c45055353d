// Package steps is the coordinator's side of the protocol as a pure state machine: what
// one group knows, and what each request does to it. A step takes the time and a request,
// changes the [Group] and returns a reply; it never waits, fails or looks at a clock.
//
// Whoever can run steps one at a time can be a coordinator, a [Store]: a process with a
// mutex, a directory with a lock, or Redis, where each step is a script that does the
// same (and is tested against this package).
//
// The rules, in the order in which they matter:
//
//   - A member is a process that beats. A beat is also a join: who was swept is back with
//     its next one. A newer process under the same ID replaces the older.
//   - Deaths and departures change the view at once; joins wait until nobody else has
//     joined for a while.
//   - The first to begin a cycle pins the view for all.
//   - A partition of a cycle has one holder. It changes hands only when the holder has
//     handed it back, has left, or has no lease.
//   - When nobody has been heard for half a lease, or the clock was set back by as much, it
//     was the coordinator that was away. Then nobody is swept, rescued or robbed before everybody is back, or before two
//     leases are over: members hand in first what they did meanwhile.
//   - A coordinator that has lost its memory is told by the epoch, which never goes back.
//     A member then restores the group, which begins a new era; ledgers of an earlier era
//     count for nothing, and every member hands in what it knows.
//
// Times are in milliseconds since 1970 by the coordinator's clock.
package steps
