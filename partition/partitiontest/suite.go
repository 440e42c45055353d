// Package partitiontest checks that a coordinator keeps the promises of package partition.
//
// The suite is for every implementation: it needs one that admits several members, uses
// real time sparingly, and waits for views to change instead of expecting them at once.
// It does not check how fast a dead member is noticed, nor what happens while a service
// behind the coordinator is away: those are tests of the implementation.
package partitiontest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
)

// patience is for changes that reach other members by way of a service; one that is
// longer is a failure.
const patience = time.Minute

// Run runs the suite. fresh makes a coordinator that nobody has joined yet and cleans up
// after it with t.Cleanup.
func Run(t *testing.T, fresh func(t *testing.T) partition.Coordinator) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, partition.Coordinator)
	}{
		{"Join", join},
		{"JoinRefuses", joinRefuses},
		{"ViewChanges", viewChanges},
		{"GroupsAreApart", groupsAreApart},
		{"CyclePinsItsView", cyclePinsItsView},
		{"ClaimOnce", claimOnce},
		{"CyclesAndSourcesAreApart", cyclesAndSourcesAreApart},
		{"DoneIsFinal", doneIsFinal},
		{"ReleaseReopens", releaseReopens},
		{"OnlyTheHolderSettles", onlyTheHolderSettles},
		{"SettlesWhatItCan", settlesWhatItCan},
		{"LeaveGivesUpClaims", leaveGivesUpClaims},
		{"AfterLeave", afterLeave},
		{"EndedContext", endedContext},
		{"OldCyclesGrantNothingTwice", oldCycles},
		{"ConcurrentClaims", concurrentClaims},
		{"Model", model},
	} {
		t.Run(c.name, func(t *testing.T) { c.check(t, fresh(t)) })
	}
}

func mustJoin(t *testing.T, c partition.Coordinator, group, id string) partition.Membership {
	t.Helper()
	m, err := c.Join(t.Context(), group, partition.Member{ID: id, Weight: 1})
	if err != nil {
		t.Fatalf("joining %s: %v", id, err)
	}
	return m
}

func mustCycle(t *testing.T, m partition.Membership, source string, k int64) partition.Ledger {
	t.Helper()
	l, err := m.Cycle(t.Context(), source, k)
	if err != nil {
		t.Fatalf("opening cycle %d of %s: %v", k, source, err)
	}
	return l
}

// claimed claims and returns the partitions that were granted.
func claimed(t *testing.T, l partition.Ledger, parts ...int) []partition.Claim {
	t.Helper()
	cs, err := l.Claim(t.Context(), parts...)
	if err != nil {
		t.Fatalf("claiming %v: %v", parts, err)
	}
	return cs
}

func mustSettle(t *testing.T, settle func(context.Context, ...partition.Claim) error, cs ...partition.Claim) {
	t.Helper()
	if err := settle(t.Context(), cs...); err != nil {
		t.Fatalf("settling %v: %v", cs, err)
	}
}

func mustNotHold(t *testing.T, settle func(context.Context, ...partition.Claim) error, cs ...partition.Claim) {
	t.Helper()
	if err := settle(t.Context(), cs...); !errors.Is(err, partition.ErrNotHeld) {
		t.Errorf("settling %v: error %v, want ErrNotHeld", cs, err)
	}
}

func wantGranted(t *testing.T, cs []partition.Claim, parts ...int) {
	t.Helper()
	var got []int
	for _, c := range cs {
		got = append(got, c.Partition)
	}
	slices.Sort(got)
	if diff := cmp.Diff(parts, got); diff != "" {
		t.Errorf("granted (-want +got):\n%s", diff)
	}
}

func wantUnfinished(t *testing.T, l partition.Ledger, parts ...int) {
	t.Helper()
	got, err := l.Unfinished(t.Context())
	if err != nil {
		t.Fatalf("listing what is unfinished: %v", err)
	}
	slices.Sort(got)
	if !slices.Equal(parts, got) {
		t.Errorf("unfinished are %v, want %v", got, parts)
	}
}

// await waits until the view holds exactly the given members.
func await(t *testing.T, m partition.Membership, ids ...string) partition.View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		changed := m.Changed() // before the view, or a change between the two is missed
		v := m.View()
		if slices.Equal(memberIDs(v), ids) {
			return v
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("members are %v, want %v", memberIDs(v), ids)
		}
	}
}

func memberIDs(v partition.View) []string {
	var ids []string
	for _, m := range v.Members {
		ids = append(ids, m.ID)
	}
	return ids
}
