package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ringmeter/ringmeter/pollster"
)

type metersCommand struct {
	Output string `short:"o" enum:"table,json,markdown" default:"table" help:"table, json or markdown."`
}

// meterRow is one line of the list of meters.
type meterRow struct {
	Namespace string `json:"namespace"`
	Meter     string `json:"meter"`
	Type      string `json:"type"`
	Unit      string `json:"unit"`
	Discovery string `json:"discovery"`
	Pollster  string `json:"pollster"`
	Help      string `json:"help"`
}

// Run lists every meter of this build, per namespace.
func (c metersCommand) Run(line *commandLine, p process) error {
	rows := meterRows(p.tables.pollsters(), line.PollingNamespaces)
	switch c.Output {
	case "json":
		e := json.NewEncoder(p.stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(rows)
	case "markdown":
		return writeMetersMarkdown(p.stdout, rows)
	}
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAMESPACE\tMETER\tTYPE\tUNIT\tDISCOVERY\tWHAT")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Namespace, r.Meter, r.Type, r.Unit, r.Discovery, r.Help)
	}
	return w.Flush()
}

// meterRows is the table of meters, all namespaces when none is given.
func meterRows(plugins []pollster.Plugin, namespaces []string) []meterRow {
	rows := []meterRow{} // an empty list is [] in JSON, not null
	for _, p := range plugins {
		for _, ns := range p.Namespaces {
			if len(namespaces) > 0 && !slices.Contains(namespaces, ns) {
				continue
			}
			for _, m := range p.Meters {
				rows = append(rows, meterRow{ns, m.Name, m.Type.String(), m.Unit, p.Discovery, p.Name, m.Help})
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b meterRow) int {
		return strings.Compare(a.Namespace+"\x00"+a.Meter, b.Namespace+"\x00"+b.Meter)
	})
	return rows
}

func writeMetersMarkdown(w io.Writer, rows []meterRow) error {
	var out strings.Builder
	out.WriteString("| namespace | meter | type | unit | discovery | what |\n|---|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&out, "| %s | `%s` | %s | %s | %s | %s |\n", r.Namespace, r.Meter, r.Type, r.Unit,
			r.Discovery, strings.ReplaceAll(r.Help, "|", `\|`))
	}
	_, err := io.WriteString(w, out.String())
	return err
}
