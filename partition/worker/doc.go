// Package worker is a member's side of the protocol: it keeps the lease, knows the newest
// view, works on ledgers, and goes on while the coordinator is away. What it talks to is a
// [Backend], which runs the steps of package steps.
//
//	c, err := worker.New(backend, worker.Config{Settings: partition.DefaultSettings()})
//	m, err := c.Join(ctx, "central-global", partition.Member{ID: "node-1", Weight: 1})
//
// What it promises:
//
//   - A heartbeat is also a join, so a member that was swept is back with its next one.
//     Heartbeats have a deadline and never wait for requests about ledgers.
//   - The lease is counted from the moment the heartbeat was sent, on the monotonic clock
//     and on the wall clock, whichever is further. When it is over nothing is claimed and
//     [partition.Ledger.Check] asks the coordinator before anything is published.
//   - While the coordinator is away a member goes on with what it owns in the view that
//     was pinned last, and keeps a journal. When the coordinator is back the journal goes
//     in before the heartbeat that makes the member count again. The same happens when the
//     coordinator has lost its memory: then everything of the cycles that are not over is
//     handed in, and the group is restored with a higher epoch.
//   - Before its lease is over a member that cannot reach the coordinator asks the others
//     whether they can. If one can, this one is cut off: it grants itself nothing and stops
//     at the end of its lease, for the others rescue its share. If nobody answers it goes
//     on, unless it was told to stop then. A member whose lease was over without that,
//     because it was frozen or cut off, does not go on when the others have seen a newer
//     view since.
//   - What it grants itself, while nobody is known to reach the coordinator, is what it owns
//     and has no reason to think of as somebody else's. When the coordinator is back, Check
//     asks about it before it is published.
//   - A request that is not answered is made again once a heartbeat is answered. What a
//     claim without an answer may have granted, and what the coordinator was not told to be
//     handed back, is listed as unfinished, for nobody else is given it.
//   - A coordinator whose clock was set is asked for the time before the journal goes in.
//
// What it does not do: it does not divide resources and knows no samples. Its journal is
// in memory: a process that ends while the coordinator is away has not told anybody what
// it did.
package worker
