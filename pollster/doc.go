// Package pollster decides when, and turns resources into samples.
//
// A [Source] selects meters and says how often; a [Plugin] is a row of the table of
// pollsters; a [Scheduler] runs every pollster that a source selects:
//
//	scheduler, err := pollster.NewScheduler(pollster.Config{Sources: sources, Plugins: plugins, …})
//	err = scheduler.Run(ctx) // until ctx ends
//
// # When
//
// Sources with equal intervals form a task. Cycle k of a task with interval T is the time
// from k×T to (k+1)×T since the Unix epoch, by the clock of the group once one is joined and
// by the wall clock otherwise. The cycles of a pollster are independent of those of others:
//
//   - The first cycle is the current one, all of it at once, when Run is called.
//   - Each other is planned at its start. A pollster that reads everything in a few calls
//     polls at k×T + splay×T×h, with h in [0,1) a hash of the member and of the first source
//     that selects it, so that neighbours do not ask at the same moment and each asks at
//     regular ones.
//   - A pollster that costs a call per resource polls each resource in its slot at
//     k×T + splay×T×h, with h a hash of the resource's partition (or of the resource, if it
//     is not divided). What lies within a 25th of the spread part, at least 100 ms, is
//     polled in one go.
//   - Polls end with their cycle, those of the first one interval after its beginning. What
//     was not polled then is dropped; that is an overrun, counted and reported. A cycle that
//     is begun late by more than a tenth of the interval is left out in favour of the next.
//     Cycles never queue up, and polls of one pollster and task never overlap.
//   - Without a group no cycle number comes twice in a process, whatever the wall clock does.
//     When the clock has been set back by more than a cycle, numbers go on from the last one,
//     a cycle each, so they run ahead of the clock; after a jump forward they follow it.
//     Numbers of a group are followed wherever they go: its ledgers know what was done. What
//     is not divided is left out while the group's clock is a cycle behind, so that it does
//     not come twice.
//   - A Scheduler that is given the [History] of its predecessor polls at once only what
//     was not sampled in the current cycle: other meters, sources or resources, and what
//     had failed or was still to come. Of a poll that the change cut short after its
//     first sample, the rest is left out. What is divided waits for the next cycle if its
//     partition is finished in the ledger.
//
// # What
//
// Resources are those of the source (written down and discovered), or those of the
// plugin's default discovery if the source names none or its own yield none. If one of
// a source's discoveries fails, that source does not poll that plugin in this cycle: a part of a
// list would look like resources that are gone. A resource that several sources of a task
// hold is polled once, and each of its samples belongs to the first of them, in the
// order of the file, that selects its meter.
//
// A source that selects a plugin by name takes all of its meters; otherwise those its filter
// matches. A meter that a "!" pattern excludes is never taken, nor is any of a plugin
// that one excludes by its name.
//
// # With others
//
// Resources of shared lists are divided by the ring of their discovery's group, those that
// are only written down by that of all who have the same ones (see package partition, and
// [Groups] for the memberships). The ledger is that of (first source + "/" + plugin, cycle),
// and its states are what decides:
//
//   - A worker claims the partitions it owns at their slots, once it is their pollster's turn,
//     and polls what was granted. What was not is asked for again.
//   - What a member that is gone has left is rescued by the owner of the newest ring, after
//     its slot and until the lesser of an interval and 20 s after the end of the cycle.
//   - From 85 % of the cycle on, who has done its own takes what nobody has begun or somebody
//     has handed back; after the end, if somebody has not finished, what others were to do.
//   - Before each write the claims are checked. What they no longer cover is not written.
//   - A claim is finished when something of it was written, or there was nothing to write. It
//     is handed back, for one more attempt by whoever has time, when nothing was written
//     because of a failure.
//
// With Config.ShareDiscovery one member of a group lists for all.
//
// # What may go wrong
//
//   - A pollster that panics, fails, blocks or floods affects nobody else. One that does
//     not return soon after its context has ended is abandoned: its later samples are
//     discarded and it is not called again before it has returned.
//   - A write that fails is repeated until the cycle is over. What is not written
//     then is counted as lost; nothing is dropped without being counted.
//   - When Run's context ends no poll begins, and those that go on have Config.Drain to end.
//     What they have yielded is written and claims are settled, for all of which there is
//     less than a second more; then Run returns.
//   - While a group cannot be joined, what it divides waits, or is polled as if this worker
//     were alone, as [GroupsConfig] says. What is local goes on.
//
// What it does not do: it does not keep samples (a [Writer] does), and does not limit calls
// to an API: that is for the session that a plugin's pollster is constructed with.
package pollster
