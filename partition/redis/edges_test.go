package redis_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/redis"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// TestEdges takes steps in the very millisecond in which something changes, where random
// ones seldom are, and compares with package steps.
func TestEdges(t *testing.T) {
	t.Parallel()
	var g steps.Group
	store := open(t, testlab.StartRedis(t, testlab.RedisOptions{}).URL()).Group("g")
	same := func(now int64, err error, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("at %d: error %v (-steps +redis):\n%s", now, err, diff)
		}
	}
	callers := map[string]steps.Caller{}
	beat := func(now int64, id, settings string, want steps.Status) {
		t.Helper()
		b := steps.Beat{Caller: callers[id], Weight: 1, Settings: settings, TTL: 15 * time.Second}
		b.ID = id
		told, err := redis.At(store, now).Beat(t.Context(), b)
		same(now, err, g.Beat(now, b), told)
		if told.Status != want {
			t.Errorf("at %d: %s is told %v, want %v", now, id, told.Status, want)
		}
		if told.Status == steps.OK {
			callers[id] = steps.Caller{ID: id, Incarnation: told.Incarnation, Era: told.Era}
		}
	}
	turn := func(now int64, id string) steps.Turn {
		t.Helper()
		b := steps.Begin{Turn: steps.Turn{Caller: callers[id], Source: "s", Interval: 100_007, Number: now / 100_007}}
		begun, err := redis.At(store, now).Begin(t.Context(), b)
		same(now, err, g.Begin(now, b), begun)
		b.Epoch = begun.View.Epoch
		return b.Turn
	}
	claim := func(now int64, turn steps.Turn, why partition.Reason, granted int) {
		t.Helper()
		c := steps.Claim{Turn: turn, Reason: why, Parts: []int{1}}
		got, err := redis.At(store, now).Claim(t.Context(), c)
		same(now, err, g.Claim(now, c), got)
		if got.Status != steps.OK || len(got.Parts) != granted {
			t.Errorf("at %d: %+v, want %d granted", now, got, granted)
		}
	}
	start := future / 100_007 * 100_007
	steal := start + 100_007*85/100

	beat(steal-10, "a", "p", steps.OK)
	on := turn(steal-1, "a")
	claim(steal-1, on, partition.Steal, 0)
	claim(steal, on, partition.Steal, 1)

	// A request that nobody waits for any more does nothing.
	for until, granted := range map[int64]steps.Status{steal: steps.OK, steal - 1: steps.Late} {
		l := steps.Listed{Turn: on, Parts: []int{1, 2}}
		l.Until = until
		held, err := redis.At(store, steal).Held(t.Context(), l)
		same(steal, err, g.Held(steal, l), held)
		b := steps.Beat{Caller: callers["a"], Weight: 1, Settings: "p", TTL: 15 * time.Second}
		b.Until = until
		told, err := redis.At(store, steal-10).Beat(t.Context(), b)
		same(steal-10, err, g.Beat(steal-10, b), told)
		if held.Status != granted {
			t.Errorf("until %d: %v, want %v", until, held.Status, granted)
		}
	}

	// What it stole stays stolen when it hands it in without a lease.
	over := steal - 10 + 15_000
	b := steps.Backfill{Turn: on, Done: []int{1}}
	status, err := redis.At(store, over).Backfill(t.Context(), b)
	same(over, err, g.Backfill(over, b), status)
	coverage, err := redis.At(store, over).Coverage(t.Context(), on)
	same(over, err, g.Coverage(over, on), coverage)
	if coverage.Stolen != 1 {
		t.Errorf("%+v, want that one is stolen", coverage)
	}

	// Other settings are refused until the last lease is over, and after a silence until
	// nobody has come back for two leases.
	beat(over-1, "a", "p", steps.OK)
	for _, later := range []int64{7_000, 14_000, 14_998} {
		beat(over+later, "b", "q", steps.Mismatch)
	}
	beat(over+14_999, "b", "q", steps.OK)
	beat(over+23_000, "b", "p", steps.OK)
	beat(over+38_001, "d", "q", steps.Mismatch)
	for _, later := range []int64{45_000, 52_000, 59_000, 66_000, 68_000} {
		beat(over+later, "d", "q", steps.Mismatch)
	}
	beat(over+68_001, "b", "q", steps.OK)

	// After a silence nobody is rescued for two leases, unless all are back.
	now := start + 200_014
	beat(now, "b", "q", steps.OK)
	beat(now, "c", "q", steps.OK)
	claim(now, turn(now, "c"), partition.Own, 1)
	for _, later := range []int64{8_000, 15_000, 22_000, 29_000, 36_000} {
		beat(now+later, "b", "q", steps.OK)
	}
	claim(now+37_999, turn(now+37_999, "b"), partition.Rescue, 0)
	claim(now+38_000, turn(now+38_000, "b"), partition.Rescue, 1)
}
