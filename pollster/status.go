package pollster

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// Status is what a Scheduler is doing, as plain data.
type Status struct {
	Member    string        // "" when nothing is divided
	Groups    []GroupStatus // that are needed
	Sources   []SourceStatus
	Pollsters []PollsterStatus // by interval, then in the order of the plugins
	Faults    []string         // what could not be loaded, and why
}

// GroupStatus is this worker's place in a group.
type GroupStatus struct {
	Name    string
	Joined  bool
	Alone   bool            // a stand-in is at work until it is joined
	Problem string          // why it is not joined; "" when it is, or was not tried yet
	State   partition.State // of the membership, or of the stand-in's
	Ring    *partition.Ring // of the newest view; nil until joined or alone
	Cycles  []CycleStatus   // the last one of each ledger that is closed, by ledger
}

// CycleStatus is what has become of a cycle, of all members together.
type CycleStatus struct {
	Ledger   string // source/pollster
	Number   int64
	Interval time.Duration
	Coverage partition.Coverage
	Lost     int // partitions that nobody has finished
}

// SourceStatus is one source.
type SourceStatus struct {
	Name      string
	Interval  time.Duration
	Pollsters []string // that it selects
}

// PollsterStatus is one pollster of the sources of one interval.
type PollsterStatus struct {
	Pollster string
	Interval time.Duration
	Sources  []string

	Running bool      // now
	Stuck   bool      // abandoned, and not called again before it returns
	Started time.Time // of the run that is going on, or else of the last one
	Next    time.Time // when the run after that is due; zero before it is known

	// Of the last run that is over.
	Cycle     int64
	Took      time.Duration
	Resources int // this worker's
	Samples   int // written
	Lost      int // samples that could not be written
	Errors    int

	LastError      string // "" when there never was one
	LastErrorCycle int64
	Overruns       int           // since the start
	LastOverrun    time.Duration // by how much
	Skipped        int           // resources that will never be polled again
	SkippedKeys    []string      // some of them
}

// Status may be called at any time.
func (s *Scheduler) Status() Status {
	st := Status{Faults: slices.Clone(s.faults)}
	if gs := s.config.Groups; gs != nil {
		st.Member = gs.config.Member.ID
		for _, name := range s.groups {
			st.Groups = append(st.Groups, s.group(name))
		}
	}
	bySource := map[string][]string{}
	for _, j := range s.jobs {
		p := j.copied()
		st.Pollsters = append(st.Pollsters, p)
		for _, source := range p.Sources {
			bySource[source] = append(bySource[source], p.Pollster)
		}
	}
	for _, source := range s.config.Sources {
		st.Sources = append(st.Sources, SourceStatus{source.Name, source.Interval, bySource[source.Name]})
	}
	return st
}

func (s *Scheduler) group(name string) GroupStatus {
	g := s.config.Groups.look(name)
	st := GroupStatus{Name: name, Joined: g.membership != nil, Problem: g.problem}
	m, alone := s.config.Groups.current(name)
	if m == nil {
		m = g.membership
	}
	if st.Alone = alone; m != nil {
		st.State, st.Ring = m.State(), m.Ring()
	}
	for _, j := range s.jobs {
		j.mu.Lock()
		c, ok := j.closed[name]
		j.mu.Unlock()
		if ok {
			st.Cycles = append(st.Cycles, c)
		}
	}
	slices.SortStableFunc(st.Cycles, func(a, b CycleStatus) int {
		return cmp.Or(strings.Compare(a.Ledger, b.Ledger), cmp.Compare(a.Interval, b.Interval))
	})
	return st
}

// copied is a copy of the job's status.
func (j *job) copied() PollsterStatus {
	j.mu.Lock()
	s := j.status
	j.mu.Unlock()
	s.Pollster, s.Interval, s.Sources = j.plugin.Name, j.interval, j.sources()
	s.Stuck = j.stuck.Load()
	s.Skipped, s.SkippedKeys = j.skip.some(20)
	return s
}

func (j *job) note(change func(*PollsterStatus)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(&j.status)
}

// firstLine leaves out the stack of a panic.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
