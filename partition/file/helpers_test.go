package file_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/file"
	"github.com/ringmeter/ringmeter/partition/steps"
)

func openQuietly(t *rapid.T, dir string) *file.Backend {
	b, err := file.Open("file://" + dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func isNoPost(err error) bool { return errors.Is(err, partition.ErrNoPost) }

// beatOf is a heartbeat with a lease of 15 s and joins that wait for nobody.
func beatOf(c steps.Caller) steps.Beat {
	return steps.Beat{Caller: c, Weight: 1, Settings: "s", TTL: ttl}
}

// member is a process that has joined.
type member struct {
	steps.Caller
	epoch uint64
}

func join(tb testing.TB, s steps.Store, id string) member {
	tb.Helper()
	reply, err := s.Beat(tb.Context(), beatOf(steps.Caller{ID: id}))
	if err != nil || reply.Status != steps.OK {
		tb.Fatal(reply, err)
	}
	return member{steps.Caller{ID: id, Incarnation: reply.Incarnation, Era: reply.Era}, reply.Epoch}
}

func upTo(n int) []int {
	parts := make([]int, n)
	for p := range parts {
		parts[p] = p
	}
	return parts
}
