package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"
	"time"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

// ringCommand looks at the groups of workers through their coordinator; no worker needs to
// run, and none is joined.
type ringCommand struct {
	Show     ringShowCommand     `cmd:"" default:"withargs" help:"Show the groups, their members and the last cycles (the default)."`
	Owner    ringOwnerCommand    `cmd:"" help:"Say which member owns a resource."`
	Simulate ringSimulateCommand `cmd:"" help:"Say what would move if members came or went."`
}

// ringFlags are common to all of them.
type ringFlags struct {
	Group   string        `placeholder:"GROUP" help:"This group only. Default: all that the configuration implies."`
	Timeout time.Duration `default:"5s" help:"Give up when the coordinator has not answered by then."`
	Output  string        `short:"o" enum:"table,json" default:"table" help:"table or json."`
}

// look is what the coordinator knows about the groups.
type look struct {
	coordinator *worker.Coordinator
	settings    partition.Settings
	groups      []looked
}

// looked is one group with its ring.
type looked struct {
	name    string
	picture steps.Picture
	ring    *partition.Ring // of the newest view; nil when the group works with other settings
}

var (
	// errAlone is returned when there is no coordinator to ask.
	errAlone = errors.New("this worker is alone: [coordination] backend_url is empty, so it polls everything itself; " +
		"to divide the work among several, give all of them the same backend_url, redis://host:6379 for example")
	// errUndivided is returned when there is no group to ask about.
	errUndivided = errors.New("nothing that this configuration polls is divided among workers; name a group of others with --group")
)

// openLook asks the coordinator for the groups. Close its coordinator afterwards.
func (f ringFlags) openLook(ctx context.Context, s *settings) (*look, error) {
	c := s.coordination("")
	if c.url == "" {
		return nil, errAlone
	}
	names := f.groups(s)
	if len(names) == 0 {
		return nil, errUndivided
	}
	if directory, missing := missingDirectory(c.url); missing {
		return nil, fmt.Errorf("looking into %s: no worker has been here: %w", directory, os.ErrNotExist)
	}
	backend, err := openBackend(c.url, nil)
	if err != nil {
		return nil, err
	}
	coordinator, err := worker.New(backend, worker.Config{Settings: c.settings, Timeout: f.Timeout})
	if err != nil {
		return nil, errors.Join(err, backend.Close())
	}
	l := &look{coordinator: coordinator, settings: c.settings}
	if err := l.ask(ctx, names); err != nil {
		return nil, errors.Join(err, coordinator.Close())
	}
	return l, nil
}

func (l *look) ask(ctx context.Context, names []string) error {
	for _, name := range names {
		picture, err := l.coordinator.Look(ctx, name)
		if err != nil {
			return fmt.Errorf("asking the coordinator %s about group %q: %w", l.coordinator, name, err)
		}
		g := looked{name: name, picture: picture}
		if picture.Settings == "" || picture.Settings == l.settings.String() {
			if g.ring, err = partition.NewRing(picture.View, l.settings); err != nil {
				return err
			}
		}
		l.groups = append(l.groups, g)
	}
	return nil
}

// groups are the one that was asked for, or those that this configuration would join.
func (f ringFlags) groups(s *settings) []string {
	if f.Group != "" {
		return []string{f.Group}
	}
	scheduler, err := newScheduler(s, discarding{}, pollster.NewGroups(pollster.GroupsConfig{Member: s.coordination("").member}), lasting{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil
	}
	var names []string
	for _, g := range scheduler.Status().Groups {
		names = append(names, g.Name)
	}
	return names
}

// discarding is a pollster.Writer for what never polls.
type discarding struct{}

func (discarding) Write(context.Context, []partition.Claim, []metering.Sample) error { return nil }

// mismatch is why there is no ring.
func (l *look) mismatch(g looked) error {
	return usageError{fmt.Errorf("%w; write the same [ringmeter] ring_partitions here and there, and run the same version",
		&partition.MismatchError{Group: g.name, Theirs: g.picture.Settings, Ours: l.settings.String()})}
}

type ringOwnerCommand struct {
	ringFlags

	Resource string `arg:"" help:"Key of the resource: the text of a static one, otherwise what its discovery calls it, server/<uuid> for example."`
}

type ownerRow struct {
	Group     string `json:"group"`
	Epoch     uint64 `json:"epoch"`
	Partition int    `json:"partition"`
	Owner     string `json:"owner"`
}

// Run prints the partition and the owner in each group.
func (c ringOwnerCommand) Run(ctx context.Context, line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	l, err := c.openLook(ctx, s)
	switch {
	case errors.Is(err, errAlone), errors.Is(err, errUndivided):
		return usageError{err}
	case err != nil:
		return err
	}
	defer l.coordinator.Close()
	rows := []ownerRow{}
	for _, g := range l.groups {
		if g.ring == nil {
			return l.mismatch(g)
		}
		n := g.ring.Partition(c.Resource)
		owner, _ := g.ring.Owner(n)
		rows = append(rows, ownerRow{g.name, g.picture.View.Epoch, n, owner.ID})
	}
	if c.Output == "json" {
		return writeJSON(p.stdout, rows)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "GROUP\tEPOCH\tPARTITION\tOWNER")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", r.Group, r.Epoch, r.Partition, dash(r.Owner))
	}
	return w.Flush()
}

// dash stands where there is nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
