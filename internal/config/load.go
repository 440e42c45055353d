package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The places of a value that is in no file.
const (
	fromDefault     = "default"
	fromEnvironment = "environment"
	fromFlag        = "flag"
)

// LoadOptions says what to read.
type LoadOptions struct {
	Files     []string          // read in order, a later one overrides; a leading "~" is the home directory
	Dirs      []string          // their *.conf in alphabetical order, after Files
	Environ   []string          // "OS_<GROUP>__<OPTION>=value", others are ignored; see os.Environ
	Overrides map[string]string // by "group.name": what flags set
	Search    SearchPath        // where Find looks last, and what "~" is
}

// Load reads and checks a configuration. Of a Multi, the environment and an override
// give one item per line. The error is a [Diagnostics] of everything that is wrong; the
// configuration beside it takes faulty options as empty, so that the files which it names
// can be checked too.
//
// What is wrong with an option that this program does not use is a warning: the file is
// shared with programs that do.
func Load(o LoadOptions) (*Conf, []Diagnostic, error) {
	l := &loader{
		table:    newTable(),
		search:   o.Search,
		assigned: map[address][]candidate{},
		resolved: map[address]*setting{},
	}
	files := l.list(o)
	for i, file := range files {
		l.read(i, file)
	}
	l.readEnvironment(o.Environ)
	l.readOverrides(o.Overrides)

	conf := &Conf{order: l.table.order, settings: l.resolved, search: o.Search, dirs: l.dirsOf(o)}
	for _, a := range l.table.order {
		l.resolve(a, nil)
	}
	return conf, l.warnings.Sorted(), l.errors.Err()
}

// loader gathers what is assigned to each option.
type loader struct {
	table    table
	search   SearchPath
	assigned map[address][]candidate
	resolved map[address]*setting
	errors   Diagnostics
	warnings Diagnostics
}

// candidate is a value that an option may get.
type candidate struct {
	rank       int  // of files their order; the environment and flags come after them
	deprecated bool // given by an old name
	item
}

const (
	rankEnvironment = 1 << 30
	rankFlag        = rankEnvironment + 1
)

// list is the files to read, those of folders included.
func (l *loader) list(o LoadOptions) []string {
	var files []string
	for _, file := range o.Files {
		files = append(files, l.search.expand(file))
	}
	for _, dir := range o.Dirs {
		dir = l.search.expand(dir)
		entries, err := os.ReadDir(dir)
		if err != nil {
			l.errors = append(l.errors, unreadable(dir, err))
			continue
		}
		for _, e := range entries { // sorted by name
			if name := e.Name(); strings.HasSuffix(name, ".conf") && name[0] != '.' {
				files = append(files, filepath.Join(dir, name))
			}
		}
	}
	return files
}

// dirsOf is where Find looks: folders that were given, those of the files, the last one
// first, and the search path.
func (l *loader) dirsOf(o LoadOptions) []string {
	var dirs []string
	for _, dir := range o.Dirs {
		dirs = append(dirs, l.search.expand(dir))
	}
	for _, file := range slices.Backward(o.Files) {
		dirs = append(dirs, filepath.Dir(l.search.expand(file)))
	}
	return append(dirs, l.search.dirs()...)
}

func (l *loader) read(rank int, file string) {
	data, err := os.ReadFile(file)
	if err != nil {
		l.errors = append(l.errors, unreadable(file, err))
		return
	}
	parsed := parseINI(file, data)
	l.errors = append(l.errors, parsed.errors...)
	l.warnings = append(l.warnings, parsed.warnings...)
	for _, s := range parsed.sections {
		l.checkSection(s)
	}
	for _, a := range parsed.assignments {
		l.assign(rank, a)
	}
}

func unreadable(path string, err error) Diagnostic {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err // the path is said already
	}
	return Diagnostic{File: path, Problem: "cannot be read: " + err.Error(), Fix: "check the path and its permissions"}
}

func (l *loader) checkSection(s iniSection) {
	if l.table.groups[s.group] || ownedElsewhere(s.group) {
		return
	}
	fix := "remove it"
	if near := Suggest(s.group, maps.Keys(l.table.groups)); near != "" {
		fix = fmt.Sprintf("did you mean [%s]?", near)
	}
	l.warnings = append(l.warnings, s.at.with(fmt.Sprintf("section [%s] is not known", s.group), fix))
}

func (l *loader) assign(rank int, a assignment) {
	target, deprecated := address{a.group, a.name}, false
	o, ok := l.table.options[target]
	if current, renamed := l.table.renamed[target]; !ok && renamed {
		l.warnings = append(l.warnings, a.at.with(
			fmt.Sprintf("%v is an old name", target), fmt.Sprintf("write %v", current)))
		o, target, deprecated, ok = l.table.options[current], current, true, true
	}
	switch {
	case !ok:
		l.unknown(target, a.at)
		return
	case o.Instead != "":
		l.warnings = append(l.warnings, a.at.with(
			fmt.Sprintf("%v has no effect", target), fmt.Sprintf("write it as %v", parseAddress(o.Instead))))
	}
	l.assigned[target] = append(l.assigned[target], candidate{rank, deprecated, item{strings.Join(a.lines, "\n"), a.valueAt}})
}

// unknown warns of an option that is not in the table.
func (l *loader) unknown(a address, at Diagnostic) {
	if !l.table.groups[a.group] || ownedElsewhere(a.group) {
		return // its section was warned of, or is not ours
	}
	if first := strings.Fields(a.name); len(first) > 1 {
		// The rest may be the value, and the value secret.
		l.warnings = append(l.warnings, at.with(
			fmt.Sprintf("the name %s ... holds white space, so no option gets this value", first[0]), `write "=" right after the name`))
		return
	}
	l.warnings = append(l.warnings, at.with(fmt.Sprintf("option %v is not known", a), l.table.suggest(a)))
}

func (l *loader) readEnvironment(environ []string) {
	at := Diagnostic{File: fromEnvironment}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		rest, ok := strings.CutPrefix(name, "OS_")
		if !ok {
			continue
		}
		group, option, ok := strings.Cut(rest, "__")
		if !ok {
			continue
		}
		a := address{strings.ToLower(group), strings.ToLower(option)}
		if group == defaultGroup {
			a.group = defaultGroup
		}
		if _, ok := l.table.options[a]; ok {
			l.assigned[a] = append(l.assigned[a], candidate{rankEnvironment, false, item{value, at}})
			continue
		}
		// Other programs have options in the environment too: only a near miss is worth a word.
		if ownedElsewhere(a.group) {
			continue
		}
		if current, ok := l.table.renamed[a]; ok {
			l.warnings = append(l.warnings, at.with(name+" is not read", "write "+variable(current)))
		} else if s := Suggest(a.name, l.table.names(a.group)); s != "" {
			l.warnings = append(l.warnings, at.with(name+" is not read", "did you mean "+variable(address{a.group, s})+"?"))
		}
	}
}

// variable is the environment variable of an option.
func variable(a address) string {
	return "OS_" + strings.ToUpper(a.group) + "__" + strings.ToUpper(a.name)
}

func (l *loader) readOverrides(overrides map[string]string) {
	at := Diagnostic{File: fromFlag}
	for _, key := range slices.Sorted(maps.Keys(overrides)) {
		group, name, _ := strings.Cut(key, ".")
		a := address{normalGroup(group), normalName(name)}
		if _, ok := l.table.options[a]; !ok {
			l.errors = append(l.errors, at.with(fmt.Sprintf("option %v is not known", a), l.table.suggest(a)))
			continue
		}
		l.assigned[a] = append(l.assigned[a], candidate{rankFlag, false, item{overrides[key], at}})
	}
}
