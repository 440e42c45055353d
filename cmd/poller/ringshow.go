package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/pollster"
)

type ringShowCommand struct {
	ringFlags
}

// ringShown is what "poller ring" prints as JSON. Durations are in seconds.
type ringShown struct {
	Coordinator string       `json:"coordinator"`
	Note        string       `json:"note,omitempty"`
	Groups      []groupShown `json:"groups"`
}

type groupShown struct {
	Name     string        `json:"name"`
	Epoch    uint64        `json:"epoch"`
	Era      int64         `json:"era"` // milliseconds since 1970
	Settings string        `json:"settings"`
	Mismatch string        `json:"mismatch,omitempty"`      // with the settings of this configuration
	Grace    float64       `json:"grace_seconds,omitempty"` // how long nobody is taken over yet
	Members  []memberShown `json:"members"`
	Cycles   []cycleShown  `json:"cycles"` // the last finished one of each ledger
}

type memberShown struct {
	ID         string  `json:"id"`
	Weight     int     `json:"weight"`
	State      string  `json:"state"`
	Beat       float64 `json:"beat_age_seconds"`
	Lease      float64 `json:"lease_left_seconds"`
	Partitions int     `json:"partitions"`
	Share      float64 `json:"share"` // 0 to 1
	Address    string  `json:"address,omitempty"`
}

// cycleShown is what has become of a cycle, in partitions.
type cycleShown struct {
	Ledger   string  `json:"ledger"`
	Number   int64   `json:"cycle"`
	Interval float64 `json:"interval_seconds"`
	Expected int     `json:"expected"`
	Done     int     `json:"done"`
	Claimed  int     `json:"claimed"`
	Open     int     `json:"open"`
	Rescued  int     `json:"rescued"`
	Stolen   int     `json:"stolen"`
	Late     int     `json:"late"`
	Lost     int     `json:"lost"`
}

func newCycleShown(ledger string, number int64, interval time.Duration, c partition.Coverage, lost int) cycleShown {
	return cycleShown{
		Ledger: ledger, Number: number, Interval: interval.Seconds(),
		Expected: c.Expected, Done: c.Done, Claimed: c.Claimed, Open: c.Open,
		Rescued: c.Rescued, Stolen: c.Stolen, Late: c.Late, Lost: lost,
	}
}

// Run prints what the coordinator knows.
func (c ringShowCommand) Run(ctx context.Context, line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	l, err := c.openLook(ctx, s)
	switch {
	case errors.Is(err, errAlone):
		return c.print(p.stdout, ringShown{Coordinator: "within this process", Note: err.Error(), Groups: []groupShown{}})
	case errors.Is(err, errUndivided):
		return c.print(p.stdout, ringShown{Coordinator: config.RedactURL(s.coordination("").url), Note: err.Error(), Groups: []groupShown{}})
	case err != nil:
		return err
	}
	defer l.coordinator.Close()
	shown := ringShown{Coordinator: l.coordinator.String(), Groups: []groupShown{}}
	for _, g := range l.groups {
		cycles, err := l.cycles(ctx, g)
		if err != nil {
			return err
		}
		shown.Groups = append(shown.Groups, l.show(g, cycles))
	}
	return c.print(p.stdout, shown)
}

// cycles asks for the last cycle of each ledger of which nothing can be polled any more.
func (l *look) cycles(ctx context.Context, g looked) ([]cycleShown, error) {
	cycles := []cycleShown{}
	for _, newest := range g.picture.Sources {
		over := closed(newest, time.UnixMilli(g.picture.Now))
		coverage, err := l.coordinator.Coverage(ctx, g.name, g.picture.Era, over)
		if err != nil {
			return nil, fmt.Errorf("asking the coordinator %s about cycle %d of %s: %w", l.coordinator, over.Number, over.Source, err)
		}
		if coverage == (partition.Coverage{}) {
			continue // the first cycle of all
		}
		lost := max(coverage.Expected-coverage.Done, 0)
		cycles = append(cycles, newCycleShown(over.Source, over.Number, over.Interval, coverage, lost))
	}
	return cycles, nil
}

// closed is the last cycle of a ledger whose window is over.
func closed(newest steps.Newest, now time.Time) partition.Cycle {
	c := partition.Cycle{
		Source: newest.Source, Number: newest.Number - 1,
		Interval: time.Duration(newest.Interval) * time.Millisecond,
	}
	if now.Before(c.Start().Add(c.Interval + pollster.Window(c.Interval))) {
		c.Number--
	}
	return c
}

func (l *look) show(g looked, cycles []cycleShown) groupShown {
	p := g.picture
	shown := groupShown{
		Name: g.name, Epoch: p.View.Epoch, Era: p.Era, Settings: p.Settings,
		Members: []memberShown{}, Cycles: cycles,
	}
	if p.Grace > p.Now {
		shown.Grace = seconds(p.Grace - p.Now)
	}
	counts := map[string]int{}
	if g.ring == nil {
		shown.Mismatch = partition.Difference(p.Settings, l.settings.String())
	} else {
		counts = g.ring.Counts()
	}
	for _, m := range p.Members {
		shown.Members = append(shown.Members, memberShown{
			ID: m.ID, Weight: m.Weight, State: memberState(m, p.Now), Address: m.Address,
			Beat: seconds(p.Now - m.Beat), Lease: seconds(max(m.Deadline-p.Now, 0)),
			Partitions: counts[m.ID], Share: float64(counts[m.ID]) / float64(l.settings.Partitions),
		})
	}
	return shown
}

func memberState(m steps.Seen, now int64) string {
	switch {
	case m.Deadline <= now:
		return "lease over"
	case m.Pending:
		return "pending"
	case m.Weight == 0:
		return "draining"
	}
	return "active"
}

func seconds(milliseconds int64) float64 { return float64(milliseconds) / 1e3 }

func (c ringShowCommand) print(w io.Writer, r ringShown) error {
	if c.Output == "json" {
		return writeJSON(w, r)
	}
	fmt.Fprintf(w, "coordinator: %s\n", r.Coordinator)
	if r.Note != "" {
		fmt.Fprintln(w, r.Note)
	}
	for _, g := range r.Groups {
		if err := g.print(w); err != nil {
			return err
		}
	}
	return nil
}

func (g groupShown) print(w io.Writer) error {
	fmt.Fprintf(w, "\ngroup %s: ", g.Name)
	if len(g.Members) == 0 {
		fmt.Fprintln(w, "no member")
		return nil
	}
	fmt.Fprintf(w, "%s, epoch %d, era %s\n", counted(len(g.Members), "member"), g.Epoch,
		time.UnixMilli(g.Era).UTC().Format("2006-01-02 15:04:05 UTC"))
	fmt.Fprintf(w, "  settings: %s\n", g.Settings)
	if g.Mismatch != "" {
		fmt.Fprintf(w, "  this configuration could not join: %s\n", g.Mismatch)
	}
	if g.Grace > 0 {
		fmt.Fprintf(w, "  the coordinator was away: nobody is taken over for %s more\n", span(g.Grace))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  MEMBER\tWEIGHT\tSTATE\tLAST BEAT\tLEASE LEFT\tPARTITIONS\tSHARE\tADDRESS")
	for _, m := range g.Members {
		fmt.Fprintf(t, "  %s\t%d\t%s\t%s ago\t%s\t%d\t%.1f %%\t%s\n", m.ID, m.Weight, m.State,
			span(m.Beat), span(m.Lease), m.Partitions, 100*m.Share, dash(m.Address))
	}
	if len(g.Cycles) > 0 {
		if err := t.Flush(); err != nil { // what follows has columns of its own
			return err
		}
		fmt.Fprintln(t, "  LEDGER\tCYCLE\tEXPECTED\tDONE\tCLAIMED\tOPEN\tRESCUED\tSTOLEN\tLATE\tLOST")
		for _, c := range g.Cycles {
			fmt.Fprintf(t, "  %s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", c.Ledger, c.Number,
				c.Expected, c.Done, c.Claimed, c.Open, c.Rescued, c.Stolen, c.Late, c.Lost)
		}
	}
	return t.Flush()
}

func span(seconds float64) string {
	return telemetry.Duration(time.Duration(seconds * float64(time.Second)).Truncate(100 * time.Millisecond))
}
