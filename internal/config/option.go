package config

import (
	"iter"
	"slices"
	"strings"
)

// defaultGroup is the one section whose name is in upper case.
const defaultGroup = "DEFAULT"

// Kind is the type of an option's value.
type Kind uint8

// The kinds of options. A List is one value of items separated by commas; a Multi is an
// option that may be given several times, each time adding one item.
const (
	String Kind = iota
	Int
	Float
	Bool
	List
	Multi
	URL // a String that may hold a password
)

// String names k for people.
func (k Kind) String() string {
	return [...]string{"text", "whole number", "number", "boolean", "comma-separated list", "repeatable text", "URL"}[k]
}

// Option is one row of the table of options: data, so that it can be listed and
// documented.
type Option struct {
	Group, Name string
	Kind        Kind
	Default     string   // as in a file; the items of a Multi one per line; "" may mean none
	Deprecated  []string // earlier places, "group/name"
	Choices     []string // accepted texts; none means any
	Min, Max    *int     // inclusive bounds of an Int or Float
	Secret      bool     // never shown
	Used        bool     // this program reads it; others are known because Ceilometer reads them
	Instead     string   // "group/name" that has the effect one would expect of this option
	Help        string
}

// Options is the table of all options that this program or any Ceilometer since Newton
// knows, by group. Those that are not Used are accepted for the sake of a shared file.
func Options() []Option {
	current := currentOptions()
	return slices.Concat(ringmeterOptions(), current, misplacedOptions(current), newtonOptions(), libraryOptions())
}

// ringmeterOptions are this program's own.
func ringmeterOptions() []Option {
	return slices.Concat(workerOptions(), in("coordination",
		Option{Name: "on_start", Default: "wait", Choices: []string{"wait", "alone"}, Used: true,
			Help: "what a worker does that starts while the coordinator is away: wait polls nothing that is divided until it is back (a gap that cumulative meters heal); alone polls everything, so several such workers bill everything several times and ask the APIs as often"},
		Option{Name: "on_isolation", Default: "continue", Choices: []string{"continue", "stop"}, Used: true,
			Help: "what a worker does that reaches neither the coordinator nor another worker: continue polls what it owns, which others may poll too; stop polls nothing that is divided"},
		Option{Name: "outage_limit", Kind: Int, Default: "1800", Min: new(0), Max: new(31536000), Used: true,
			Help: "seconds that workers go on with what they own while the coordinator is away; 0 is without a limit"},
	))
}

func workerOptions() []Option {
	return in("ringmeter",
		Option{Name: "member_id", Used: true,
			Help: "name of this worker in its group, unique there and stable over restarts; derived from the host when empty"},
		Option{Name: "weight", Kind: Int, Default: "1", Min: new(0), Max: new(100), Used: true,
			Help: "share of the work relative to the other workers; 0 drains: the worker stays in its group and owns nothing"},
		Option{Name: "advertise_url", Used: true,
			Help: "base URL under which the other workers reach this one's web port, http://host:8977 for example, to ask whether it reaches the coordinator; derived from the first web address that is not on loopback when empty"},
		Option{Name: "ring_partitions", Kind: Int, Default: "4093", Min: new(1), Max: new(65536), Used: true,
			Help: "partitions that the workers of a group divide; the same for all of them, and at least 40 for each"},
		Option{Name: "share_discovery", Kind: Bool, Default: "true", Used: true,
			Help: "one worker lists for its whole group, so that the APIs are asked once however many workers there are"},
		Option{Name: "splay", Kind: Int, Default: "70", Min: new(0), Max: new(100), Used: true,
			Help: "percent of a source's interval over which its calls are spread, for sources that do not say"},
		Option{Name: "drain_timeout", Kind: Int, Default: "30", Min: new(0), Max: new(86400), Used: true,
			Help: "seconds that a stopping worker may take to finish and deliver what it has begun"},
	)
}

// misplacedOptions are the [polling] options that Ceilometer also registers in [DEFAULT]
// but does not read there.
func misplacedOptions(current []Option) []Option {
	var misplaced []Option
	for _, o := range current {
		if o.Group != "polling" || o.Instead != "" {
			continue
		}
		misplaced = append(misplaced, Option{
			Group: defaultGroup, Name: o.Name, Kind: o.Kind, Default: o.Default, Instead: "polling/" + o.Name,
			Help: "has no effect here",
		})
	}
	return misplaced
}

// in puts options into a group.
func in(group string, options ...Option) []Option {
	for i := range options {
		options[i].Group = group
	}
	return options
}

// named makes options of one kind that differ in their names only.
func named(kind Kind, help string, names ...string) []Option {
	options := make([]Option, len(names))
	for i, name := range names {
		options[i] = Option{Name: name, Kind: kind, Help: help}
	}
	return options
}

// address is the name of an option in its group.
type address struct{ group, name string }

func (a address) String() string { return "[" + a.group + "] " + a.name }

// parseAddress reads "group/name".
func parseAddress(s string) address {
	group, name, _ := strings.Cut(s, "/")
	return address{group, name}
}

// table is the options by address, with the means to find the nearest.
type table struct {
	order   []address
	options map[address]Option
	renamed map[address]address // deprecated to current
	groups  map[string]bool     // groups with at least one option
}

func newTable() table {
	t := table{options: map[address]Option{}, renamed: map[address]address{}, groups: map[string]bool{}}
	for _, o := range Options() {
		a := address{o.Group, o.Name}
		t.order = append(t.order, a)
		t.options[a] = o
		t.groups[o.Group] = true
		for _, d := range o.Deprecated {
			t.renamed[parseAddress(d)] = a
		}
	}
	return t
}

// names are the options of a group.
func (t table) names(group string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, a := range t.order {
			if a.group == group && !yield(a.name) {
				return
			}
		}
	}
}

// suggest is the fix for an unknown option: the nearest name in its group, or the same
// name in another group.
func (t table) suggest(a address) string {
	if s := Suggest(a.name, t.names(a.group)); s != "" {
		return "did you mean " + s + "?"
	}
	for _, o := range t.order {
		if o.name == a.name && t.options[o].Instead == "" {
			return "did you mean " + o.String() + "?"
		}
	}
	return "remove it"
}
