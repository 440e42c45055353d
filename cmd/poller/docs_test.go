package main

import (
	"flag"
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

// With -update the tests below write the generated documentation instead of comparing it.
var update = flag.Bool("update", false, "write the generated documentation")

// TestGeneratedDocumentation keeps the documentation that follows from tables current:
// go test ./cmd/poller -run Documentation -update
func TestGeneratedDocumentation(t *testing.T) {
	var meters strings.Builder
	if err := writeMetersMarkdown(&meters, meterRows(nil)); err != nil {
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

func compare(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not current (%v); run: go test ./cmd/poller -run Documentation -update", file, err)
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
	line, p := &commandLine{}, process{stdout: io.Discard, stderr: io.Discard}
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
	for d := range descs {
		m := fields.FindStringSubmatch(d.String())
		if m == nil {
			t.Fatalf("a metric describes itself as %q", d)
		}
		if strings.HasPrefix(m[1], "ringmeter_") {
			rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", m[1], quoted(strings.ReplaceAll(m[3], ",", ", ")), m[2]))
		}
	}
	slices.Sort(rows)
	return "# Metrics\n\nWhat `/metrics` says about the poller itself, beside the `go_` and `process_` metrics and, with a `prometheus://` publisher, the meters.\n\n| metric | labels | meaning |\n|---|---|---|\n" +
		strings.Join(slices.Compact(rows), "")
}
