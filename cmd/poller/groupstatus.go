package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/pollster"
)

// unready is why what is divided is not polled here, or nil while it is.
func (d *daemon) unready() error {
	var errs []error
	for _, g := range d.current.Load().scheduler.Status().Groups {
		if what, bad := standingOf(g); bad == telemetry.Bad {
			errs = append(errs, fmt.Errorf("group %s is not polled here: %s", g.Name, what))
		}
	}
	return errors.Join(errs...)
}

// standingOf says in a few words how this worker stands to a group, and how bad that is:
// Bad means that nothing of the group is polled here.
func standingOf(g pollster.GroupStatus) (what string, how telemetry.State) {
	reason := reasonOf(g)
	switch {
	case g.Alone:
		return because("this worker polls everything until the coordinator answers, and so may others", reason), telemetry.Warn
	case !g.Joined && g.Problem == "":
		return "joining", telemetry.Bad
	case !g.Joined:
		return because("waiting until it can be joined", reason), telemetry.Bad
	}
	switch g.State.Mode {
	case partition.Linked:
		return "", telemetry.OK
	case partition.Away:
		return because("the coordinator does not answer, this worker goes on with what it owns", reason), telemetry.Warn
	case partition.Fenced:
		return because("fenced, others may have taken over its share", reason), telemetry.Bad
	default:
		return because(g.State.Mode.String(), reason), telemetry.Bad
	}
}

func because(what, reason string) string {
	if reason == "" {
		return what
	}
	return what + ": " + reason
}

// groupAttention adds what is not as it should be with the groups.
func groupAttention(groups []pollster.GroupStatus, add func(what, text string, state telemetry.State)) {
	for _, g := range groups {
		if what, how := standingOf(g); how != telemetry.OK {
			add("Group "+g.Name, what, how)
		}
		for _, c := range g.Cycles {
			if c.Lost > 0 {
				add("Lost partitions", fmt.Sprintf("%d of %d of cycle %d of %s were finished by nobody", c.Lost, c.Coverage.Expected, c.Number, c.Ledger), telemetry.Bad)
			}
		}
	}
}

// groupTable is how this worker stands to its groups.
func groupTable(me partition.Member, groups []pollster.GroupStatus, now time.Time) telemetry.Table {
	t := telemetry.Table{
		Title: "Groups", Empty: "Nothing that is polled here is divided among workers.",
		Columns: []telemetry.Column{
			{Name: "Group"}, {Name: "State"}, {Name: "Since", Numeric: true},
			{Name: "Epoch", Numeric: true, Help: "grows with every change of the members"},
			{Name: "Members", Numeric: true}, {Name: "Own partitions", Numeric: true},
			{Name: "Last cycle", Numeric: true, Help: "partitions done of those that hold something, of all ledgers"},
			{Name: "Heartbeat", Numeric: true},
		},
	}
	for _, g := range groups {
		row := []telemetry.Cell{{Text: g.Name}, groupState(g), {}, {}, {}, {}, covered(g.Cycles), {}}
		if !g.State.Since.IsZero() {
			row[2] = telemetry.Ago(now, g.State.Since)
		}
		if g.Ring != nil {
			view := g.Ring.View()
			row[3].Text, row[4].Text = strconv.FormatUint(view.Epoch, 10), strconv.Itoa(len(view.Members))
			row[5].Text = fmt.Sprintf("%d of %d", g.Ring.Counts()[me.ID], g.Ring.Settings().Partitions)
		}
		if !g.State.Beat.IsZero() {
			row[7] = telemetry.Ago(now, g.State.Beat)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func groupState(g pollster.GroupStatus) telemetry.Cell {
	what, how := standingOf(g)
	return telemetry.Cell{Text: modeOf(g), Title: what, State: how}
}

// modeOf is one word for how this worker stands to a group.
func modeOf(g pollster.GroupStatus) string {
	if g.Alone {
		return "alone"
	}
	return g.State.Mode.String()
}

// covered is the sum of the last cycles of all ledgers of a group.
func covered(cycles []pollster.CycleStatus) telemetry.Cell {
	if len(cycles) == 0 {
		return telemetry.Cell{Text: "–"}
	}
	done, expected, state := 0, 0, telemetry.OK
	for _, c := range cycles {
		done, expected = done+c.Coverage.Done, expected+c.Coverage.Expected
		if c.Lost > 0 {
			state = telemetry.Bad
		}
	}
	return telemetry.Cell{Text: fmt.Sprintf("%d of %d", done, expected), State: state}
}

// cycleTable is what has become of the last cycle of each ledger, whoever polled it.
func cycleTable(groups []pollster.GroupStatus) telemetry.Table {
	t := telemetry.Table{
		Title: "Cycles", Note: "The last one of each ledger that is over, of all workers together. Figures are partitions.",
		Empty: "None is over yet.",
		Columns: []telemetry.Column{
			{Name: "Ledger", Help: "source and pollster"}, {Name: "Group"}, {Name: "Every", Numeric: true}, {Name: "Cycle", Numeric: true},
			{Name: "Expected", Numeric: true, Help: "hold at least one resource"}, {Name: "Done", Numeric: true},
			{Name: "Rescued", Numeric: true, Help: "taken over from a worker that was gone"},
			{Name: "Stolen", Numeric: true, Help: "taken late, or after they were handed back"},
			{Name: "Late", Numeric: true, Help: "done after the end of the cycle"},
			{Name: "Lost", Numeric: true, Help: "finished by nobody"},
		},
	}
	number := func(n int, state telemetry.State) telemetry.Cell {
		c := telemetry.Cell{Text: strconv.Itoa(n)}
		if n > 0 {
			c.State = state
		}
		return c
	}
	for _, g := range groups {
		for _, c := range g.Cycles {
			t.Rows = append(t.Rows, []telemetry.Cell{
				{Text: c.Ledger}, {Text: g.Name}, {Text: telemetry.Duration(c.Interval)}, {Text: strconv.FormatInt(c.Number, 10)},
				number(c.Coverage.Expected, telemetry.Neutral), number(c.Coverage.Done, telemetry.Neutral),
				number(c.Coverage.Rescued, telemetry.Neutral), number(c.Coverage.Stolen, telemetry.Neutral),
				number(c.Coverage.Late, telemetry.Warn), number(c.Lost, telemetry.Bad),
			})
		}
	}
	return t
}

// ringTables show how the members divide the work: one for the groups that are divided
// alike, none for a worker that shares with nobody.
func ringTables(me partition.Member, groups []pollster.GroupStatus) []telemetry.Table {
	rings, names := map[string]*partition.Ring{}, map[string][]string{}
	var order []string
	for _, g := range groups {
		if g.Ring == nil || len(g.Ring.View().Members) < 2 {
			continue
		}
		digest := g.Ring.Digest()
		if rings[digest] == nil {
			rings[digest] = g.Ring
			order = append(order, digest)
		}
		names[digest] = append(names[digest], fmt.Sprintf("%s (epoch %d)", g.Name, g.Ring.View().Epoch))
	}
	tables := make([]telemetry.Table, 0, len(order))
	for _, digest := range order {
		tables = append(tables, ringTable(me, rings[digest], names[digest]))
	}
	return tables
}

func ringTable(me partition.Member, ring *partition.Ring, groups []string) telemetry.Table {
	all, counts := ring.Settings().Partitions, ring.Counts()
	t := telemetry.Table{
		Title: "Ring", Note: "Who owns what in " + joined(groups) + ".",
		Columns: []telemetry.Column{{Name: "Member"}, {Name: "Weight", Numeric: true}, {Name: "Partitions", Numeric: true}, {Name: "Share", Numeric: true}, {Name: ""}},
		Ring:    &telemetry.Ring{Whole: counted(all, "partition")},
	}
	for _, m := range ring.View().Members {
		n, mine := counts[m.ID], ""
		if m.ID == me.ID {
			mine = "this worker"
		}
		t.Rows = append(t.Rows, []telemetry.Cell{
			{Text: m.ID, Title: m.Address}, {Text: strconv.Itoa(m.Weight)}, {Text: strconv.Itoa(n)},
			{Text: fmt.Sprintf("%.1f %%", 100*float64(n)/float64(all))}, {Text: mine},
		})
		t.Ring.Shares = append(t.Ring.Shares, telemetry.Share{Size: n, Marked: m.ID == me.ID})
	}
	return t
}
