package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/bus/memory"
	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pollster"
)

// page is the status page of this worker at one moment.
func (d *daemon) page(now time.Time) telemetry.Page {
	g := d.current.Load()
	ready, reasons := d.health.Ready()
	polling := g.scheduler.Status()
	return telemetry.Page{
		Title: "Ringmeter poller", Host: g.settings.host, Version: telemetry.Version(),
		Started: d.started, Now: now, Ready: ready, Reasons: reasons,
		Facts: facts(g, polling),
		Tables: slices.Concat(
			d.attention(g, polling),
			divided(g, polling, now),
			[]telemetry.Table{
				pollsterTable(polling, now),
				publisherTable(g.pipeline.Status(), now),
				sourceTable(polling),
				busTable(g.bus),
			},
		),
		Links: []telemetry.Link{{Name: "Ring as JSON", URL: ringDocument}},
	}
}

// divided is what this worker shares with others, if there may be any.
func divided(g *generation, polling pollster.Status, now time.Time) []telemetry.Table {
	if g.standing.url == "" {
		return nil
	}
	return append(ringTables(g.standing.member, polling.Groups),
		groupTable(g.standing.member, polling.Groups, now), cycleTable(polling.Groups))
}

// attention is what the operator should look at, if there is anything.
func (d *daemon) attention(g *generation, polling pollster.Status) []telemetry.Table {
	var rows [][]telemetry.Cell
	add := func(what, text string, state telemetry.State) {
		rows = append(rows, []telemetry.Cell{{Text: what, State: state}, {Text: text}})
	}
	if refused := d.refused.Load(); refused != nil {
		add("Reload refused, the old configuration runs", *refused, telemetry.Bad)
	}
	groupAttention(polling.Groups, add)
	for _, f := range polling.Faults {
		add("Left out", f, telemetry.Bad)
	}
	for _, w := range g.settings.warnings {
		add("Configuration", w.Error(), telemetry.Warn)
	}
	if len(rows) == 0 {
		return nil
	}
	return []telemetry.Table{{
		Title: "Needs attention", Rows: rows,
		Columns: []telemetry.Column{{Name: "What"}, {Name: "Why"}},
	}}
}

// facts are what holds for the whole worker.
func facts(g *generation, polling pollster.Status) []telemetry.Fact {
	return []telemetry.Fact{
		{Name: "Member", Value: member(g.standing.member)},
		{Name: "Namespaces", Value: joined(g.settings.namespaces)},
		{Name: "Coordination", Value: g.standing.coordinator.String()},
		{Name: "Configuration", Value: g.settings.describeFiles()},
		{Name: "Polling", Value: g.settings.pollingFile},
		{Name: "Pipeline", Value: g.settings.pipelineFile},
	}
}

// member is this worker's name, with what is not as usual.
func member(m partition.Member) string {
	switch m.Weight {
	case 0:
		return m.ID + " (draining)"
	case 1:
		return m.ID
	}
	return fmt.Sprintf("%s (weight %d)", m.ID, m.Weight)
}

// pollsterTable is what each pollster did in its last cycle.
func pollsterTable(s pollster.Status, now time.Time) telemetry.Table {
	t := telemetry.Table{
		Title: "Pollsters", Note: "The last cycle of each.",
		Empty: "No pollster is selected by a source.",
		Columns: []telemetry.Column{
			{Name: "Pollster"}, {Name: "Every", Numeric: true}, {Name: "State"},
			{Name: "Started", Numeric: true}, {Name: "Took", Numeric: true}, {Name: "Next", Numeric: true},
			{Name: "Resources", Numeric: true}, {Name: "Samples", Numeric: true, Help: "written to the bus"},
			{Name: "Overruns", Numeric: true, Help: "cycles that took longer than the interval, since the start"},
			{Name: "Last error"},
		},
	}
	for _, p := range s.Pollsters {
		t.Rows = append(t.Rows, []telemetry.Cell{
			{Text: p.Pollster, Title: "selected by " + joined(p.Sources)},
			{Text: telemetry.Duration(p.Interval)},
			pollsterState(p),
			telemetry.Ago(now, p.Started),
			{Text: telemetry.Duration(p.Took)},
			next(now, p),
			{Text: strconv.Itoa(p.Resources), Title: skipped(p)},
			{Text: strconv.Itoa(p.Samples), Title: fmt.Sprintf("cycle %d", p.Cycle)},
			overruns(p),
			{Text: p.LastError, Title: inCycle(p)},
		})
	}
	return t
}

func pollsterState(p pollster.PollsterStatus) telemetry.Cell {
	switch {
	case p.Stuck:
		return telemetry.Cell{Text: "stuck", Title: "it did not return at its deadline and is not called again before it does", State: telemetry.Bad}
	case p.Lost > 0:
		return telemetry.Cell{Text: fmt.Sprintf("%d samples lost", p.Lost), State: telemetry.Bad}
	case p.Errors > 0:
		return telemetry.Cell{Text: fmt.Sprintf("%d errors", p.Errors), State: telemetry.Warn}
	case p.Started.IsZero():
		return telemetry.Cell{Text: "waiting"}
	}
	return telemetry.Cell{Text: "ok", State: telemetry.OK}
}

// next is when a pollster runs again.
func next(now time.Time, p pollster.PollsterStatus) telemetry.Cell {
	if p.Next.IsZero() {
		return telemetry.Cell{Text: "–"}
	}
	return telemetry.Ago(now, p.Next)
}

func overruns(p pollster.PollsterStatus) telemetry.Cell {
	c := telemetry.Cell{Text: strconv.Itoa(p.Overruns)}
	if p.Overruns > 0 {
		c.State, c.Title = telemetry.Warn, "the last one by "+telemetry.Duration(p.LastOverrun)
	}
	return c
}

func skipped(p pollster.PollsterStatus) string {
	if p.Skipped == 0 {
		return ""
	}
	return fmt.Sprintf("%d more are skipped until the next reload: %s", p.Skipped, joined(p.SkippedKeys))
}

func inCycle(p pollster.PollsterStatus) string {
	if p.LastError == "" {
		return ""
	}
	return fmt.Sprintf("in cycle %d", p.LastErrorCycle)
}

// publisherTable is where samples go.
func publisherTable(s pipeline.Status, now time.Time) telemetry.Table {
	t := telemetry.Table{
		Title: "Publishers", Empty: "There is no publisher.",
		Columns: []telemetry.Column{
			{Name: "Publisher"}, {Name: "Sink"}, {Name: "State"},
			{Name: "Queued", Numeric: true, Help: "batches that are not delivered yet"},
			{Name: "Oldest", Numeric: true}, {Name: "Published", Numeric: true, Help: "samples"},
			{Name: "Dropped", Numeric: true, Help: "samples"}, {Name: "Failures", Numeric: true, Help: "attempts"},
			{Name: "Last error"},
		},
	}
	for _, sink := range s.Sinks {
		for _, p := range sink.Publishers {
			t.Rows = append(t.Rows, []telemetry.Cell{
				{Text: p.URL}, {Text: sink.Name, Title: "fed by " + joined(sink.Sources)},
				publisherState(p.State),
				{Text: strconv.Itoa(p.QueueEntries), Title: telemetry.Bytes(p.QueueBytes)},
				oldest(now, p), {Text: telemetry.Count(p.Published)},
				dropped(p), {Text: telemetry.Count(p.Failures)},
				lastError(now, p),
			})
		}
	}
	return t
}

func publisherState(s pipeline.State) telemetry.Cell {
	c := telemetry.Cell{Text: string(s), State: telemetry.OK}
	switch s {
	case pipeline.StateRetrying:
		c.State = telemetry.Warn
	case pipeline.StateFailing, pipeline.StateClosed:
		c.State = telemetry.Bad
	case pipeline.StateOK:
	}
	return c
}

func oldest(now time.Time, p pipeline.PublisherStatus) telemetry.Cell {
	if p.QueueEntries == 0 {
		return telemetry.Cell{Text: "–"}
	}
	return telemetry.Ago(now, p.QueueOldest)
}

func dropped(p pipeline.PublisherStatus) telemetry.Cell {
	c := telemetry.Cell{Text: telemetry.Count(p.Dropped)}
	if p.Dropped > 0 {
		c.State = telemetry.Bad
	}
	if n := len(p.SetAside); n > 0 {
		c.Title = fmt.Sprintf("last: %d samples (%s): %s; first of them: %s",
			p.SetAside[n-1].Samples, p.SetAside[n-1].Reason, p.SetAside[n-1].Error, p.SetAside[n-1].First)
	}
	return c
}

func lastError(now time.Time, p pipeline.PublisherStatus) telemetry.Cell {
	if p.LastError == "" {
		return telemetry.Cell{}
	}
	at := telemetry.Ago(now, p.LastErrorAt)
	return telemetry.Cell{Text: p.LastError + " (" + at.Text + ")", Title: at.Title}
}

// sourceTable is what is polled, as configured.
func sourceTable(s pollster.Status) telemetry.Table {
	t := telemetry.Table{
		Title: "Sources", Empty: "No source is configured.",
		Columns: []telemetry.Column{{Name: "Source"}, {Name: "Every", Numeric: true}, {Name: "Pollsters"}},
	}
	for _, source := range s.Sources {
		row := []telemetry.Cell{
			{Text: source.Name}, {Text: telemetry.Duration(source.Interval)}, {Text: joined(source.Pollsters)},
		}
		if len(source.Pollsters) == 0 {
			row[2] = telemetry.Cell{Text: "none", Title: "its meters match nothing in the namespaces of this worker", State: telemetry.Warn}
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// busTable is what lies between pollsters and pipeline.
func busTable(b *memory.Bus) telemetry.Table {
	t := telemetry.Table{
		Title: "Bus", Note: "In memory, since the last reload.",
		Columns: []telemetry.Column{
			{Name: "Topic"}, {Name: "Waiting", Numeric: true}, {Name: "Sent", Numeric: true},
			{Name: "Acknowledged", Numeric: true}, {Name: "Redelivered", Numeric: true}, {Name: "Set aside", Numeric: true},
		},
	}
	for _, s := range b.Stats() {
		aside := telemetry.Cell{Text: telemetry.Count(s.Rejected)}
		if rejected := b.Rejected(s.Topic); len(rejected) > 0 {
			aside.State = telemetry.Bad
			aside.Title = strings.TrimSpace(rejected[len(rejected)-1].Reason.Error())
		}
		t.Rows = append(t.Rows, []telemetry.Cell{
			{Text: s.Topic}, {Text: strconv.Itoa(s.Queued + s.InFlight), Title: telemetry.Bytes(s.QueuedBytes)},
			{Text: telemetry.Count(s.Sent)}, {Text: telemetry.Count(s.Acknowledged)},
			{Text: telemetry.Count(s.Redelivered)}, aside,
		})
	}
	return t
}
