package metering

import (
	"errors"
	"slices"
)

// Errors of NewFilter, with the texts of Ceilometer, which operators search for.
const (
	// ErrNoMeters: there are no patterns.
	ErrNoMeters = filterError("No meters specified")
	// ErrMixedPatterns: patterns that include stand beside patterns that exclude.
	ErrMixedPatterns = filterError("Both included and excluded meters specified")
	// ErrWildcardMixed: "*" stands beside patterns that include.
	ErrWildcardMixed = filterError("Included meters specified with wildcard")
)

type filterError string

func (e filterError) Error() string { return string(e) }

// FilterFix tells who wrote the patterns what to do about an error of NewFilter.
func FilterFix(err error) string {
	switch {
	case errors.Is(err, ErrMixedPatterns):
		return `write only names, or only names with "!" before them`
	case errors.Is(err, ErrWildcardMixed):
		return `remove "*" or everything else`
	default:
		return `list meters, or "*" for all of them`
	}
}

// Filter selects meters by name with Ceilometer's pattern rules: "*", "name", "glob",
// "!name", "!glob", where a glob is Unix fnmatch, case-sensitive, anchored at both ends.
// A meter that an excluding pattern matches is not selected; else one that an including
// pattern matches is; else it is selected only if all patterns exclude. A Filter is
// immutable and safe for concurrent use.
type Filter struct {
	patterns         []string
	include, exclude globs
}

// NewFilter checks the patterns as Ceilometer does and compiles them. The error is
// ErrNoMeters, ErrMixedPatterns or ErrWildcardMixed, looked for in this order. A pattern
// that starts with "*" counts neither as including nor as excluding in these checks, so
// "*.bytes" may stand beside "!disk.*".
func NewFilter(patterns []string) (*Filter, error) {
	if len(patterns) == 0 {
		return nil, ErrNoMeters
	}
	f := &Filter{patterns: slices.Clone(patterns)}
	var included, excluded, wildcard bool
	for _, p := range patterns {
		switch {
		case p != "" && p[0] == '!':
			excluded = true
			f.exclude.add(p[1:])
			continue
		case p == "*":
			wildcard = true
		case p == "" || p[0] != '*':
			included = true
		}
		f.include.add(p)
	}
	if included && excluded {
		return nil, ErrMixedPatterns
	}
	if wildcard && included {
		return nil, ErrWildcardMixed
	}
	return f, nil
}

// Match reports whether a meter is selected.
func (f *Filter) Match(name string) bool {
	return !f.exclude.match(name) && (f.include.empty() || f.include.match(name))
}

// Patterns are the patterns the filter was made of.
func (f *Filter) Patterns() []string { return slices.Clone(f.patterns) }
