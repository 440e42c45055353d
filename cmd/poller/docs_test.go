package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/internal/config"
)

// TestGeneratedDocumentation keeps the documentation that follows from tables current.
// With UPDATE_GOLDEN set in the environment it writes the files instead of comparing them:
// UPDATE_GOLDEN=1 go test ./cmd/poller -run Documentation
func TestGeneratedDocumentation(t *testing.T) {
	var meters strings.Builder
	if err := writeMetersMarkdown(&meters, meterRows(builtIn().pollsters(), nil)); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		"../../docs/meters.md":  "# Meters\n\nWhat `poller meters -o markdown` prints.\n\n" + meters.String(),
		"../../docs/options.md": optionsMarkdown(),
		"../../docs/metrics.md": metricsMarkdown(t),
	} {
		compare(t, file, text)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)(<!-- meters -->\n).*(<!-- /meters -->)`)
	compare(t, "../../README.md", section.ReplaceAllString(string(readme),
		"${1}"+strings.ReplaceAll(meters.String(), "$", "$$")+"${2}"))
}

// TestDocumentedMetricsExist finds metrics that the documentation names and nobody has.
func TestDocumentedMetricsExist(t *testing.T) {
	known := metricsMarkdown(t)
	for _, file := range []string{"guarantees.md", "operations.md"} {
		text, err := os.ReadFile("../../docs/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`ringmeter_[a-z_]+`).FindAllString(string(text), -1) {
			if !strings.Contains(known, "`"+name) {
				t.Errorf("%s speaks of %s, which is no metric", file, name)
			}
		}
	}
}

func compare(t *testing.T, file, want string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not current (%v); run: UPDATE_GOLDEN=1 go test ./cmd/poller -run Documentation", file, err)
	}
}

// optionsMarkdown lists the options that this program uses.
func optionsMarkdown() string {
	var b strings.Builder
	b.WriteString("# Options\n\nThe options of `ceilometer.conf` that the poller uses. Every other option of Ceilometer is known and ignored; an unknown one draws a warning. An option is also taken from the environment, as `OS_<GROUP>__<OPTION>`.\n\n| group | option | default | meaning |\n|---|---|---|---|\n")
	for _, o := range config.Options() {
		if o.Used {
			fmt.Fprintf(&b, "| `[%s]` | `%s` | %s | %s |\n", o.Group, o.Name, quoted(o.Default), o.Help)
		}
	}
	return b.String()
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

// metricsMarkdown lists the poller's metrics about itself.
func metricsMarkdown(t *testing.T) string {
	t.Setenv("HOME", t.TempDir())
	line, p := &commandLine{}, process{stdout: io.Discard, stderr: io.Discard, tables: builtIn()}
	s, err := loadSettings(line, p)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	if _, _, err := (runCommand{}).assemble(s, line, p, registry, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		registry.Describe(descs)
		close(descs)
	}()
	fields := regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: "((?:[^"\\]|\\.)*)", .*variableLabels: \{([^}]*)\}\}$`)
	var rows []string
	row := func(name, labels, help string) {
		if strings.HasPrefix(name, "ringmeter_") {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", name, quoted(labels), help))
		}
	}
	for d := range descs {
		m := fields.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a metric describes itself as %q", d)
		}
		row(m[1], strings.ReplaceAll(m[3], ",", ", "), m[2])
	}
	families, err := registry.Gather() // prometheus:// describes nothing beforehand
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "ringmeter_exposition_") {
			var labels []string
			for _, l := range f.GetMetric()[0].GetLabel() {
				labels = append(labels, l.GetName())
			}
			row(f.GetName(), strings.Join(labels, ", "), f.GetHelp())
		}
	}
	slices.Sort(rows)
	return "# Metrics\n\nWhat `/metrics` says about the poller itself, beside the `go_` and `process_` metrics and, with a `prometheus://` publisher, the meters.\n\n| metric | labels | meaning |\n|---|---|---|\n" +
		strings.Join(slices.Compact(rows), "")
}
