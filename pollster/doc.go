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
// from k×T to (k+1)×T since the Unix epoch. Each pollster of a task has a run per cycle,
// and its runs are independent of those of the others:
//
//   - The first run takes place when Run is called, all of it at once, as the current cycle.
//   - A pollster that reads everything in a few calls runs at k×T + splay×T×h, with h in
//     [0,1) a hash of the member and of the first source that selects it, so that
//     neighbours do not ask at the same moment and each asks at regular ones.
//   - A pollster that costs a call per resource starts at k×T; each of its resources has
//     its slot at k×T + splay×T×h, with h a hash of the resource's partition (or of the
//     resource, if it is not divided). What lies within a hundredth of the spread part,
//     at least 100 ms, is polled in one go.
//   - A run may last one interval. What it has not polled then it drops; that is an
//     overrun, counted and reported. A run that starts late by more than a tenth of the
//     interval is left out in favour of the next cycle. Runs never queue up, and those
//     of one pollster and task never overlap.
//   - No cycle number runs twice in a process, whatever the wall clock does. When the
//     clock has been set back by more than a cycle, numbers go on from the last one, a
//     cycle each, so they run ahead of the clock; after a jump forward they follow it.
//   - A Scheduler that is given the [History] of its predecessor polls at once only what
//     was not sampled in the current cycle: other meters, sources or resources, and what
//     had failed or was still to come. Of a poll that the change cut short after its
//     first sample, the rest is left out.
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
// Resources of shared lists, and those written down, are divided by the ring of the group
// (see package partition): a worker claims the partitions it owns in the ledger of (first
// source + "/" + plugin, cycle), polls only what was granted, and finishes a claim when its
// samples are written. A claim of which something was not polled or not written is released.
//
// # What may go wrong
//
//   - A pollster that panics, fails, blocks or floods affects nobody else. One that does
//     not return soon after its context has ended is abandoned: its later samples are
//     discarded and it is not called again before it has returned.
//   - A write that fails is repeated until the run's time is over. What is not written
//     then is counted as lost; nothing is dropped without being counted.
//   - When Run's context ends, polls end, what they have yielded is written and claims
//     are settled, for all of which there is less than a second; then Run returns.
//
// What it does not do: it does not keep samples (a [Writer] does), does not rescue
// the partitions of members that died, and does not limit calls to an API: that is for
// the session that a plugin's pollster is constructed with.
package pollster
