package main

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

type onceCommand struct {
	Output  string        `short:"o" enum:"table,json,line,prom" default:"table" help:"table; json (one object a line, as file:// writes them); line (InfluxDB line protocol); prom (Prometheus text format)."`
	Timeout time.Duration `default:"1m" help:"Give up on what has not answered by then."`
}

// Run polls every source once and prints the samples.
func (c onceCommand) Run(ctx context.Context, line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	logger, err := line.logger(s, p.stderr, slog.LevelWarn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	go func() { // a signal ends it early, with what has been sampled
		select {
		case <-p.signals:
			cancel()
		case <-ctx.Done():
		}
	}()

	var got collector
	// Everything, whatever other workers poll.
	place, err := newStanding(s.coordination("").within(), nil, logger)
	if err != nil {
		return err
	}
	scheduler, err := newScheduler(s, &got, place.groups, lasting{}, logger)
	if err != nil {
		return err
	}
	defer place.leave(ctx, time.Second) //nolint:errcheck // nobody but this process knows of it
	if err := scheduler.Once(ctx); err != nil {
		return err
	}
	out := bufio.NewWriter(p.stdout)
	if err := printSamples(out, c.Output, got.sorted()); err != nil {
		return err
	}
	return out.Flush()
}

// collector is a pollster.Writer that keeps what it is given.
type collector struct {
	mu      sync.Mutex
	samples []metering.Sample
}

func (c *collector) Write(_ context.Context, _ []partition.Claim, samples []metering.Sample) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.samples = append(c.samples, samples...)
	return nil
}

// sorted is everything collected, by meter and resource.
func (c *collector) sorted() []metering.Sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	slices.SortStableFunc(c.samples, func(a, b metering.Sample) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ResourceID, b.ResourceID))
	})
	return c.samples
}

func printSamples(w io.Writer, format string, samples []metering.Sample) error {
	switch format {
	case "json":
		return printJSON(w, samples)
	case "line":
		return printLines(w, samples)
	case "prom":
		return printProm(w, samples)
	}
	return printTable(w, samples)
}

func printTable(w io.Writer, samples []metering.Sample) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "METER\tRESOURCE\tVOLUME\tUNIT\tTYPE")
	for _, s := range samples {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.ResourceID, s.Volume, s.Unit, s.Type)
	}
	return t.Flush()
}

func printJSON(w io.Writer, samples []metering.Sample) error {
	var buf []byte
	for i := range samples {
		buf = append(samples[i].AppendObject(buf[:0]), '\n')
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// printLines writes InfluxDB line protocol: the meter as measurement, ids, type and unit
// as tags, the volume as the one field, nanoseconds since 1970 as timestamp.
func printLines(w io.Writer, samples []metering.Sample) error {
	escape := strings.NewReplacer(",", `\,`, "=", `\=`, " ", `\ `, "\n", `\ `)
	for _, s := range samples {
		var b strings.Builder
		b.WriteString(strings.NewReplacer(",", `\,`, " ", `\ `).Replace(s.Name))
		for _, tag := range [...]struct{ name, value string }{
			{"project_id", s.ProjectID.String()}, {"resource_id", s.ResourceID},
			{"type", s.Type.String()}, {"unit", s.Unit}, {"user_id", s.UserID.String()},
		} {
			if tag.value != "" {
				fmt.Fprintf(&b, ",%s=%s", tag.name, escape.Replace(tag.value))
			}
		}
		suffix := "i"
		if _, signed := s.Volume.Int64(); !signed {
			suffix = "u"
		}
		if s.Volume.IsFloat() {
			suffix = ""
		}
		at, err := s.Time()
		if err != nil {
			return fmt.Errorf("printing %s of %s: %w", s.Name, s.ResourceID, err)
		}
		fmt.Fprintf(&b, " volume=%s%s %d\n", s.Volume, suffix, at.UnixNano())
		if _, err := io.WriteString(w, b.String()); err != nil {
			return err
		}
	}
	return nil
}

// printProm writes what prometheus:// would expose.
func printProm(w io.Writer, samples []metering.Sample) error {
	exposition := publish.NewExposition(publish.ExpositionOptions{Interval: time.Hour})
	if err := exposition.Publish(context.Background(), samples); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(exposition); err != nil {
		return fmt.Errorf("exposing the samples: %w", err)
	}
	families, err := registry.Gather()
	if err != nil {
		return fmt.Errorf("gathering the samples: %w", err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "ringmeter_") {
			continue // about the exposition, not about what was sampled
		}
		if _, err := expfmt.MetricFamilyToText(w, f); err != nil {
			return err
		}
	}
	return nil
}
