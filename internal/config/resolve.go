package config

import (
	"cmp"
	"os"
	"slices"
	"strings"
)

// resolve chooses, interpolates and checks the value of an option, once. chain is the
// options whose values led here.
func (l *loader) resolve(a address, chain []address) *setting {
	if s, ok := l.resolved[a]; ok {
		return s
	}
	o := l.table.options[a]
	s := &setting{option: o, secret: o.Secret, items: choose(o, l.assigned[a])}
	s.isSet = len(s.items) > 0
	if !s.isSet {
		s.items = defaults(o)
	}
	chain = append(chain, a)
	for i := range s.items {
		it := &s.items[i]
		text, secret, fault := l.interpolate(s, it.text, chain)
		s.secret = s.secret || secret
		if fault == (Diagnostic{}) {
			it.text = text
			fault = s.check(text)
		}
		if fault != (Diagnostic{}) {
			l.report(o, it.at.with(fault.Problem, fault.Fix))
			it.text, s.faulty = "", true
		}
	}
	// An empty number is one that is not given.
	if (o.Kind == Int || o.Kind == Float) && strings.TrimSpace(s.text()) == "" {
		s.items, s.isSet = defaults(o), false
	}
	l.resolved[a] = s
	return s
}

// report files a fault by whether it can do harm here.
func (l *loader) report(o Option, d Diagnostic) {
	if o.Used {
		l.errors = append(l.errors, d)
	} else {
		l.warnings = append(l.warnings, d)
	}
}

// choose applies precedence: flag, environment, the last file; within a file the current
// name, then the last line. Files add up to the items of a Multi.
func choose(o Option, candidates []candidate) []item {
	if len(candidates) == 0 {
		return nil
	}
	sorted := slices.Clone(candidates)
	slices.SortStableFunc(sorted, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.age(), b.age()))
	})
	last := sorted[len(sorted)-1]
	if o.Kind != Multi {
		return []item{last.item}
	}
	var items []item
	for _, c := range sorted {
		switch {
		case last.rank < rankEnvironment:
			items = append(items, c.item)
		case c.rank == last.rank:
			for text := range strings.SplitSeq(c.text, "\n") {
				items = append(items, item{text, c.at})
			}
		}
	}
	return items
}

// age orders the names of one option in one file: the current one comes last.
func (c candidate) age() int {
	if c.deprecated {
		return 0
	}
	return 1
}

// defaults is what an option has when nothing sets it.
func defaults(o Option) []item {
	at := Diagnostic{File: fromDefault}
	switch {
	case o.Group == defaultGroup && o.Name == "host":
		if name, err := os.Hostname(); err == nil {
			return []item{{name, at}}
		}
		return nil
	case o.Default == "":
		return nil
	case o.Kind != Multi:
		return []item{{o.Default, at}}
	}
	var items []item
	for text := range strings.SplitSeq(o.Default, "\n") {
		items = append(items, item{text, at})
	}
	return items
}
