// Package partition decides which worker does what.
//
// Everything that can be polled has a key, every key falls into one of a fixed number of
// partitions, and every partition has one owner among the members of a group:
//
//	view, err := partition.NewView(epoch, members...)
//	ring, err := partition.NewRing(view, partition.DefaultSettings(len(members)))
//	owner, ok := ring.Owner(ring.Partition("server/6f1e…"))
//
// What it promises:
//
//   - Equal views and equal [Settings] give equal owner tables in every process, on every
//     architecture and in every run, in whatever order the members were listed.
//   - No member owns more than ceil(partitions / members × load) partitions.
//   - A member that joins or leaves moves about its own share of the partitions, not more
//     than twice that while there are at least 40 partitions per member.
//   - A [Ring] never changes. A new view makes a new ring; who still reads the old one
//     sees one consistent table until it lets go. Looking something up takes no lock and
//     allocates nothing.
//   - No member list makes it panic: what cannot be used is an error, and the caller keeps
//     the last good ring.
//
// The ring is a hint about who should work. The authority is the [Claim]: a [Ledger] gives
// a partition of one cycle of one source to one holder at a time. A claim ends with Done,
// and then that partition is finished for that cycle, or with Release or the departure of
// its holder, and then it may be claimed again.
//
// What it does not do: it knows nothing of time (cycle numbers come from the caller), of
// resources (keys are strings to it) or of their cost (partitions are equal in number, not
// in work). Among members with a weight above zero all are equal for now; a member of
// weight zero drains: it stays in the view, owns nothing, and may finish what it holds.
package partition
