// Package partition decides which worker does what.
//
// Everything that can be polled has a key, every key falls into one of a fixed number of
// partitions, and every partition has one owner among the members of a group:
//
//	view, err := partition.NewView(epoch, members...)
//	ring, err := partition.NewRing(view, partition.DefaultSettings())
//	owner, ok := ring.Owner(ring.Partition("server/6f1e…"))
//
// What it promises:
//
//   - Equal views and equal [Settings] give equal owner tables in every process, on every
//     architecture and in every run, in whatever order the members were listed.
//   - A member of weight w owns about w shares of the partitions, never more than
//     ceil(partitions / sum of the weights × load) × w. A member of weight zero drains: it
//     stays in the view, owns nothing, and may finish what it holds.
//   - A member that joins or leaves, or a changed weight, moves about the shares that it
//     brings or takes, not more than twice that while there are at least 40 partitions to a
//     share. The exception is a sum of weights that passes 300: a large ring has fewer
//     points, and most partitions move once.
//   - A [Builder] makes the ring of the next view from the last one, and makes the same as
//     [NewRing] makes from nothing, whatever it has seen before.
//   - A [Ring] never changes. A new view makes a new ring; who still reads the old one
//     sees one consistent table until it lets go. Looking something up takes no lock and
//     allocates nothing.
//   - No member list makes it panic: what cannot be used is an error, and the caller keeps
//     the last good ring.
//
// The ring is a hint about who should work. The authority is the [Claim]: a [Ledger] gives
// a partition of one cycle of one source to one holder at a time. A claim ends with Done,
// and then that partition is finished for that cycle; with Release, and then it may be
// claimed once more; or when its holder has left or has no lease, and then others may
// rescue it.
//
// A [Coordinator] is where members meet. What it does is in package steps, a member's side
// in package worker. Three drivers keep the views and the claims: "local" in one process,
// "file" for the processes of one machine, "redis" for those of many; package
// partitiontest checks all three alike. A member that loses touch with its coordinator goes
// on with what it owns while its lease lasts, and longer if the others do not reach it
// either, and notes what it has done in a journal that it hands in later.
//
// What it does not do: the ring knows nothing of time, of resources (keys are strings to
// it) or of their cost (partitions are equal in number, not in work). What is polled, and
// when in a cycle, is for package pollster.
package partition
