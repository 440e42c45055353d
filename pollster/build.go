package pollster

import (
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
)

// build makes a task per interval and in each a job per selected plugin.
func (s *Scheduler) build() {
	c := &s.config
	catalog := s.catalog()
	pool := batchPool(c.BatchSize)
	for i, source := range c.Sources {
		sameInterval := func(other Source) bool { return other.Interval == source.Interval }
		if slices.IndexFunc(c.Sources, sameInterval) < i {
			continue // has been built with the first of its interval
		}
		t := &task{catalog: catalog, clock: s.clock, batches: pool, metrics: c.Metrics, log: c.Logger}
		if c.ShareDiscovery && c.Groups != nil {
			t.exchange = &exchange{groups: c.Groups, naming: s.naming, interval: source.Interval}
		}
		if c.Concurrency > 0 {
			t.slots = make(chan struct{}, c.Concurrency)
		}
		for p := range c.Plugins {
			if selections := selectionsOf(c.Sources, source.Interval, &c.Plugins[p]); len(selections) > 0 {
				s.addJob(t, &c.Plugins[p], source.Interval, selections)
			}
		}
	}
	s.clock.names = s.groups
	for _, source := range c.Sources {
		if !slices.ContainsFunc(c.Plugins, func(p Plugin) bool { _, ok := selects(&source, &p); return ok }) {
			s.fault(fmt.Errorf("source %q selects no meter that this poller has", source.Name))
		}
	}
}

// selectionsOf is what the sources of one interval take of a plugin, in their order.
func selectionsOf(sources []Source, interval time.Duration, p *Plugin) []selection {
	var all []selection
	for i := range sources {
		if sources[i].Interval != interval {
			continue
		}
		if sel, ok := selects(&sources[i], p); ok {
			all = append(all, sel)
		}
	}
	return all
}

// addJob constructs a pollster. Each task has its own, so that one that remembers its last
// reading does not see another's.
func (s *Scheduler) addJob(t *task, p *Plugin, interval time.Duration, selections []selection) {
	for _, other := range s.jobs {
		if other.task == t && other.plugin.Name == p.Name {
			s.fault(fmt.Errorf("constructing pollster %q: the name is taken", p.Name))
			return
		}
	}
	made, standIn, err := construct(p)
	if err != nil {
		s.fault(err)
		return
	}
	first := selections[0].source
	splay := first.Splay
	if splay < 0 {
		splay = s.config.Splay
	}
	j := &job{
		timetable: timetable{interval: interval},
		task:      t, config: &s.config, metrics: s.config.Metrics,
		log:    s.config.Logger.With("pollster", p.Name, "interval", interval),
		plugin: p, pollster: made, selections: selections, standIn: standIn,
		ledger: first.Name + "/" + p.Name, splay: splay,
		skip: newSkipList(len(selections)), sets: newSets(), routes: map[routing]*routes{},
		homes: map[string]home{}, closed: map[string]CycleStatus{},
	}
	member := ""
	if s.config.Groups != nil {
		member = s.config.Groups.config.Member.ID
		s.addGroups(j)
	}
	j.phase = j.phaseOf(member)
	s.jobs = append(s.jobs, j)
}

// addGroups finds out which groups divide the resources of a job. It needs all of them, as
// it is not known beforehand which lists are empty.
func (s *Scheduler) addGroups(j *job) {
	for i := range j.selections {
		source := j.selections[i].source
		refs := source.Discovery
		if len(source.Resources) > 0 {
			j.selections[i].home = s.addGroup(j, s.naming.static(source.Resources))
		} else {
			refs = slices.Concat(refs, j.standIn)
		}
		for _, ref := range refs {
			_, known := s.naming.groups[ref.Name]
			if known && j.task.catalog.Scope(ref.Name) == discovery.Shared {
				j.homes[ref.Name] = s.addGroup(j, s.naming.discovered(ref.Name))
			}
		}
	}
}

// addGroup adds a group to those of a job, and of all.
func (s *Scheduler) addGroup(j *job, name string) home {
	if !slices.Contains(s.groups, name) {
		s.groups = append(s.groups, name)
	}
	at := slices.Index(j.groups, name)
	if at < 0 {
		at = len(j.groups)
		j.groups = append(j.groups, name)
	}
	return home(at)
}

func construct(p *Plugin) (made Pollster, standIn []discovery.Ref, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("constructing pollster %q: panic: %v\n%s", p.Name, r, debug.Stack())
		}
	}()
	if p.Discovery != "" {
		ref, err := discovery.ParseRef(p.Discovery)
		if err != nil {
			return nil, nil, fmt.Errorf("constructing pollster %q: default discovery %w", p.Name, err)
		}
		standIn = []discovery.Ref{ref}
	}
	if made, err = p.New(); err != nil {
		return nil, nil, fmt.Errorf("constructing pollster %q: %w", p.Name, err)
	}
	return made, standIn, nil
}

// catalog constructs the discoverers that something refers to; nobody wants to read why
// the others cannot be.
func (s *Scheduler) catalog() *discovery.Catalog {
	used := map[string]bool{}
	for i, source := range s.config.Sources {
		for _, ref := range source.Discovery {
			used[ref.Name] = true
		}
		for p := range s.config.Plugins {
			if _, ok := selects(&s.config.Sources[i], &s.config.Plugins[p]); !ok {
				continue
			}
			if ref, err := discovery.ParseRef(s.config.Plugins[p].Discovery); err == nil {
				used[ref.Name] = true
			}
		}
	}
	unused := func(p discovery.Plugin) bool { return !used[p.Name] }
	catalog, faults := discovery.NewCatalog(slices.DeleteFunc(slices.Clone(s.config.Discoveries), unused))
	for _, err := range faults {
		s.fault(err)
	}
	return catalog
}

// fault reports what could not be loaded, once.
func (s *Scheduler) fault(err error) {
	text := firstLine(err)
	if slices.Contains(s.faults, text) {
		return
	}
	s.faults = append(s.faults, text)
	s.config.Logger.Warn("something is left out", "err", err)
}
