package pollster

import (
	"maps"
	"slices"
	"strings"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
)

// selection is what one source takes of one plugin.
type selection struct {
	source    *Source
	resources []discovery.Resource // the source's static ones
	home      home                 // of those
	all       bool                 // every meter, even of a plugin that lists none
	meters    map[string]bool      // otherwise these
}

func (s *selection) takes(meter string) bool { return s.all || s.meters[meter] }

// selects matches a source's filter with a plugin's name and meters; false if it takes
// nothing. A name that matches stands for all meters but those that a "!" pattern
// excludes one by one; one that a "!" pattern matches takes all of them away.
func selects(s *Source, p *Plugin) (selection, bool) {
	sel := selection{source: s, meters: map[string]bool{}, home: nobodyElse}
	for _, r := range s.Resources {
		sel.resources = append(sel.resources, r)
	}
	excluded := exclusions(s.Meters)
	if excluded(p.Name) {
		return sel, false
	}
	byName := s.Meters.Match(p.Name)
	for _, m := range p.Meters {
		if !excluded(m.Name) && (byName || s.Meters.Match(m.Name)) {
			sel.meters[m.Name] = true
		}
	}
	sel.all = byName && len(sel.meters) == len(p.Meters)
	return sel, sel.all || len(sel.meters) > 0
}

// Selected lists the meters that a Scheduler takes of p for s, sorted.
func (s Source) Selected(p Plugin) []string {
	sel, _ := selects(&s, &p)
	return slices.Sorted(maps.Keys(sel.meters))
}

// exclusions reports whether a meter is one that a "!" pattern names.
func exclusions(f *metering.Filter) func(meter string) bool {
	negations := slices.DeleteFunc(f.Patterns(), func(p string) bool { return !strings.HasPrefix(p, "!") })
	if len(negations) == 0 {
		return func(string) bool { return false }
	}
	only, err := metering.NewFilter(negations)
	if err != nil {
		return func(string) bool { return false } // negations alone are always valid
	}
	return func(meter string) bool { return !only.Match(meter) }
}

// sets numbers the sets of sources that hold a resource. Set 0 is empty; sources are
// added in the order of the file.
type sets struct {
	members [][]int
	grown   map[growth]int
}

type growth struct{ set, source int }

func newSets() *sets { return &sets{members: [][]int{nil}, grown: map[growth]int{}} }

// add is the set with source, given by its position, added.
func (s *sets) add(set, source int) int {
	members := s.members[set]
	if n := len(members); n > 0 && members[n-1] == source {
		return set // listed twice by one source
	}
	g := growth{set, source}
	id, known := s.grown[g]
	if !known {
		id = len(s.members)
		s.members = append(s.members, append(slices.Clip(members), source))
		s.grown[g] = id
	}
	return id
}
