// Package simulation runs whole pollers against a coordinator that fails in every way that
// is known, in simulated time, and counts from an independent record what was lost and
// what was doubled. It holds tests only.
//
// A seed decides everything that is left to chance: the faults, their times, how long
// polls and requests take. A run that fails prints its seed and its story;
// RINGMETER_SEED=n runs one seed again, RINGMETER_SEEDS=n runs so many.
package simulation
