package pollster

import (
	"slices"
	"strings"
	"time"
)

// Status is what a Scheduler is doing, as plain data.
type Status struct {
	Group, Member string // Group is "" when nothing is divided
	Sources       []SourceStatus
	Pollsters     []PollsterStatus // by interval, then in the order of the plugins
	Faults        []string         // what could not be loaded, and why
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
	st := Status{Member: s.division.member.ID, Faults: slices.Clone(s.faults)}
	if s.division.coordinator != nil {
		st.Group = s.division.group
	}
	bySource := map[string][]string{}
	for _, j := range s.jobs {
		p := j.current()
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

// current is a copy of the job's status.
func (j *job) current() PollsterStatus {
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
