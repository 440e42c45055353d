package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Diagnostic is one fault of one file: where, what is wrong, and what to write.
// Lines and columns count from 1; zero means not known.
type Diagnostic struct {
	File         string // or "environment" or "flag"
	Line, Column int
	Problem, Fix string
}

// Position is "file:line:col", without the parts that are not known.
func (d Diagnostic) Position() string {
	var b strings.Builder
	b.WriteString(d.File)
	for _, n := range [...]int{d.Line, d.Column} {
		if n == 0 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(':')
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// Error is "file:line:col: problem; fix", without the parts that are not known.
func (d Diagnostic) Error() string {
	s := d.Problem
	if at := d.Position(); at != "" {
		s = at + ": " + s
	}
	if d.Fix != "" {
		s += "; " + d.Fix
	}
	return s
}

// Diagnostics is all that is wrong with the files of one reading: an error of one line
// per fault. errors.As finds it whole, or the first Diagnostic in it.
type Diagnostics []Diagnostic

func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the faults one by one.
func (ds Diagnostics) Unwrap() []error {
	errs := make([]error, len(ds))
	for i, d := range ds {
		errs[i] = d
	}
	return errs
}

// Sorted is ds in the order of the files' text, each fault once: an alias in YAML can
// show the same fault several times.
func (ds Diagnostics) Sorted() Diagnostics {
	sorted := slices.Clone(ds)
	slices.SortStableFunc(sorted, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Problem, b.Problem))
	})
	return slices.Compact(sorted)
}

// Err is ds sorted, or nil when there is nothing wrong.
func (ds Diagnostics) Err() error {
	if len(ds) == 0 {
		return nil
	}
	return ds.Sorted()
}
