package pollster

import (
	"sync"
	"time"
)

// History remembers which cycles have been polled. A Scheduler that is given that of its
// predecessor in the same process goes on after the last cycle of it: no source polls a
// meter of a resource again under a number that it had before. The zero value is empty
// and ready. It serves one Scheduler at a time.
//
// It costs 8 bytes per resource, pollster and source of the sources that were scheduled
// last, and some bytes for each that ever was.
type History struct {
	mu   sync.Mutex
	last map[runOf]*run
}

// runOf is whose run it was. Another interval has other numbers.
type runOf struct {
	source, plugin string
	interval       time.Duration
}

// run is what was sampled in the newest cycle.
type run struct {
	cycle     int64
	all       bool // meters, even of a plugin that lists none
	meters    map[string]bool
	whole     bool     // every resource counts as sampled
	resources []uint64 // hashes of their keys
}

// add notes that resources, given by the hashes of their keys, were sampled in a cycle.
func (h *History) add(whose runOf, cycle int64, s *selection, items []item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.last[whose]
	if r == nil {
		r = &run{cycle: cycle}
		if h.last == nil {
			h.last = map[runOf]*run{}
		}
		h.last[whose] = r
	}
	if r.cycle != cycle {
		*r = run{cycle: cycle, resources: r.resources[:0]}
	}
	r.all = r.all || s.all
	if r.meters == nil {
		r.meters = make(map[string]bool, len(s.meters))
	}
	for m := range s.meters {
		r.meters[m] = true
	}
	for _, it := range items {
		r.resources = append(r.resources, it.hash)
	}
}

// keep drops the resources of all runs but those that may still go on. Their numbers
// remain, for whoever selects the same again.
func (h *History) keep(scheduled map[runOf]bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for whose, r := range h.last {
		if !scheduled[whose] {
			r.whole, r.resources = true, nil
		}
	}
}

// earlier is a run as a later Scheduler finds it.
type earlier struct {
	cycle     int64
	all       bool
	meters    map[string]bool
	whole     bool
	resources map[uint64]struct{}
}

// find is nil if there was no run.
func (h *History) find(whose runOf) *earlier {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.last[whose]
	if r == nil {
		return nil
	}
	e := &earlier{cycle: r.cycle, all: r.all, meters: map[string]bool{}, whole: r.whole}
	for m := range r.meters {
		e.meters[m] = true
	}
	e.resources = make(map[uint64]struct{}, len(r.resources))
	for _, hash := range r.resources {
		e.resources[hash] = struct{}{}
	}
	return e
}

func (e *earlier) took(meter string) bool { return e.all || e.meters[meter] }

func (e *earlier) sampled(hash uint64) bool {
	_, ok := e.resources[hash]
	return ok || e.whole
}
