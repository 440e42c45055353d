package main

import (
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/pollster"
)

// ringReport is what /api/v1/ring answers: how this worker sees its groups. Programs read
// it, other workers among them, so its names stay.
type ringReport struct {
	Member      memberReport  `json:"member"`
	Coordinator string        `json:"coordinator"`
	Groups      []groupReport `json:"groups"`
}

type memberReport struct {
	ID      string `json:"id"`
	Weight  int    `json:"weight"`
	Address string `json:"address,omitempty"`
}

// shareReport is a member with what it owns in a group.
type shareReport struct {
	memberReport
	Partitions int `json:"partitions"`
}

type groupReport struct {
	Name    string        `json:"name"`
	Joined  bool          `json:"joined"`
	Alone   bool          `json:"alone"` // working alone until it can be joined
	Mode    string        `json:"mode"`
	Since   time.Time     `json:"since,omitzero"`
	Reason  string        `json:"reason,omitempty"`
	Beat    time.Time     `json:"last_beat,omitzero"`
	Skew    float64       `json:"clock_offset_seconds"`
	Epoch   uint64        `json:"epoch"`
	Digest  string        `json:"ring_digest,omitempty"`
	All     int           `json:"partitions"`
	Own     int           `json:"own_partitions"`
	Members []shareReport `json:"members"`
	Cycles  []cycleShown  `json:"cycles"`
}

// ring is the report of this worker now.
func (d *daemon) ring() ringReport {
	g := d.current.Load()
	return newRingReport(g.standing.member, g.standing.coordinator.String(), g.scheduler.Status().Groups)
}

func newRingReport(me partition.Member, coordinator string, groups []pollster.GroupStatus) ringReport {
	r := ringReport{Member: memberReport{me.ID, me.Weight, me.Address}, Coordinator: coordinator, Groups: []groupReport{}}
	for _, g := range groups {
		report := groupReport{
			Name: g.Name, Joined: g.Joined, Alone: g.Alone,
			Mode: modeOf(g), Since: g.State.Since.UTC(), Reason: reasonOf(g),
			Beat: g.State.Beat.UTC(), Skew: g.State.Skew.Seconds(),
			Members: []shareReport{}, Cycles: []cycleShown{},
		}
		if g.Ring != nil {
			counts := g.Ring.Counts()
			report.Epoch, report.Digest = g.Ring.View().Epoch, g.Ring.Digest()
			report.All, report.Own = g.Ring.Settings().Partitions, counts[me.ID]
			for _, m := range g.Ring.View().Members {
				report.Members = append(report.Members, shareReport{memberReport{m.ID, m.Weight, m.Address}, counts[m.ID]})
			}
		}
		for _, c := range g.Cycles {
			report.Cycles = append(report.Cycles, newCycleShown(c.Ledger, c.Number, c.Interval, c.Coverage, c.Lost))
		}
		r.Groups = append(r.Groups, report)
	}
	return r
}

// reasonOf is why a group is not as it should be.
func reasonOf(g pollster.GroupStatus) string {
	if g.Problem != "" {
		return g.Problem
	}
	return g.State.Reason
}
