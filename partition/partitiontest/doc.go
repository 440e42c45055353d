// Package partitiontest checks that a coordinator keeps the promises of package partition.
//
// The suite is for every backend: it makes members on it with package worker, lets several
// of them meet, uses real time sparingly, and waits for views to change instead of
// expecting them at once. A driver runs it with a line:
//
//	partitiontest.Run(t, func(t *testing.T) worker.Backend { return local.NewBackend() })
//
// It does not check how fast a dead member is noticed, nor what happens while a backend is
// away: those are tests of package worker and of the drivers.
package partitiontest
