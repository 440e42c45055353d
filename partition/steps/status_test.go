package steps_test

import (
	"testing"

	"github.com/ringmeter/ringmeter/partition/steps"
)

func TestStatusHasAName(t *testing.T) {
	seen := map[string]bool{}
	for s := steps.OK; s <= steps.Over; s++ {
		if name := s.String(); name == "" || name == steps.Status(200).String() || seen[name] {
			t.Errorf("status %d is called %q", s, name)
		}
		seen[s.String()] = true
	}
}

// TestNewestCycleOfANewInterval: numbers of different intervals cannot be compared.
func TestNewestCycleOfANewInterval(t *testing.T) {
	var g steps.Group
	a := steps.Caller{ID: "a"}
	reply := g.Beat(base, steps.Beat{Caller: a, Settings: "s", TTL: ttl})
	a.Incarnation, a.Era = reply.Incarnation, reply.Era
	for _, c := range []struct{ interval, number, newest int64 }{
		{60_000, base / 60_000, base / 60_000},
		{60_000, base/60_000 - 1, base / 60_000},
		{600_000, base / 600_000, base / 600_000},
	} {
		g.Begin(base, steps.Begin{Turn: steps.Turn{Caller: a, Source: "src", Number: c.number, Interval: c.interval}})
		if got, want := g.Look(base).Sources, (steps.Newest{Source: "src", Number: c.newest, Interval: c.interval}); len(got) != 1 || got[0] != want {
			t.Errorf("cycle %d of %d ms: newest %v, want %v", c.number, c.interval, got, want)
		}
	}
}
