package partitiontest

import (
	"context"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// Run runs the suite, its checks in parallel. fresh makes a backend at which nobody has
// met yet and that nothing else uses; it cleans up after it with t.Cleanup. What all
// backends share, such as a server, must be ended with t.Cleanup too and not be deferred,
// because the checks end after Run has returned.
func Run(t *testing.T, fresh func(t *testing.T) worker.Backend) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, worker.Backend)
	}{
		{"Join", join},
		{"JoinRefuses", joinRefuses},
		{"JoinWithOtherSettings", joinWithOtherSettings},
		{"JoinUnderTakenID", joinUnderTakenID},
		{"ViewChanges", viewChanges},
		{"GroupsAreApart", groupsAreApart},
		{"WeightZeroDrains", weightZeroDrains},
		{"EmptyGroupKeepsItsEpoch", emptyGroupKeepsItsEpoch},
		{"Leave", leave},
		{"EndedContext", endedContext},
		{"Posts", posts},
		{"CyclePinsItsView", cyclePinsItsView},
		{"CycleMustBeNow", cycleMustBeNow},
		{"ClaimOnce", claimOnce},
		{"CyclesAndSourcesAreApart", cyclesAndSourcesAreApart},
		{"DoneIsFinal", doneIsFinal},
		{"ReleaseReopens", releaseReopens},
		{"TwoAttempts", twoAttempts},
		{"OnlyTheHolderSettles", onlyTheHolderSettles},
		{"SettlesWhatItCan", settlesWhatItCan},
		{"StealIsForTheEnd", stealIsForTheEnd},
		{"LeftWorkIsRescued", leftWorkIsRescued},
		{"Coverage", coverage},
		{"ConcurrentClaims", concurrentClaims},
		{"Model", model},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(t, fresh(t))
		})
	}
}

// lease is short, so that members soon hear of each other, and long enough for a machine
// that is busy.
const lease = 5 * time.Second

// patience is for changes that reach other members by way of a service; one that is
// longer is a failure.
const patience = time.Minute

// partitions is the number of them in all rings of the suite.
const partitions = 509

func settings() partition.Settings {
	s := partition.DefaultSettings()
	s.Partitions = partitions
	return s
}

// coordinator makes one that does not wait for further joins.
func coordinator(t *testing.T, b worker.Backend, s partition.Settings) partition.Coordinator {
	t.Helper()
	c, err := worker.New(b, worker.Config{Settings: s, TTL: lease, Settle: -1})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustJoin(t *testing.T, b worker.Backend, group, id string) partition.Membership {
	t.Helper()
	return mustJoinAs(t, b, group, partition.Member{ID: id, Weight: 1})
}

// mustJoinAs joins until the test ends.
func mustJoinAs(t *testing.T, b worker.Backend, group string, as partition.Member) partition.Membership {
	t.Helper()
	m, err := coordinator(t, b, settings()).Join(t.Context(), group, as)
	if err != nil {
		t.Fatalf("joining %s: %v", as.ID, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := m.Leave(ctx); err != nil {
			t.Errorf("leaving as %s: %v", as.ID, err)
		}
	})
	return m
}

// pair joins two members, a and b. a need not know of b yet, but the cycles that it opens
// are divided among both.
func pair(t *testing.T, backend worker.Backend) (a, b partition.Membership) {
	t.Helper()
	a, b = mustJoin(t, backend, "g", "a"), mustJoin(t, backend, "g", "b")
	await(t, b, "a", "b")
	return a, b
}

func mustLeave(t *testing.T, m partition.Membership) {
	t.Helper()
	if err := m.Leave(t.Context()); err != nil {
		t.Fatalf("leaving: %v", err)
	}
}
