package telemetry

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// ErrStarting is the reason of a condition that has not been set yet.
var ErrStarting = errors.New("starting")

// Health holds what decides whether a daemon is ready and alive. The zero Health is both.
// It is safe for concurrent use.
type Health struct {
	mu         sync.Mutex
	conditions map[string]error
	judges     map[string]func() error
	loops      map[string]*loop
}

type loop struct {
	limit time.Duration
	last  time.Time
}

// NewHealth makes a Health that is not ready until each of the conditions has been set to nil.
func NewHealth(conditions ...string) *Health {
	h := &Health{}
	for _, name := range conditions {
		h.Set(name, ErrStarting)
	}
	return h
}

// Set says whether the named condition holds, with the reason if it does not.
func (h *Health) Set(name string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.conditions == nil {
		h.conditions = map[string]error{}
	}
	h.conditions[name] = err
}

// Judge names a condition that is found out anew each time somebody asks: it holds while
// judge returns nil. judge is called by several goroutines and must not block.
func (h *Health) Judge(name string, judge func() error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.judges == nil {
		h.judges = map[string]func() error{}
	}
	h.judges[name] = judge
}

// Ready reports whether all conditions hold; the reasons are "name: reason", sorted.
func (h *Health) Ready() (ready bool, reasons []string) {
	h.mu.Lock()
	conditions, judges := maps.Clone(h.conditions), maps.Clone(h.judges)
	h.mu.Unlock()
	for name, judge := range judges { // which may take locks of their own
		if conditions == nil {
			conditions = map[string]error{}
		}
		conditions[name] = judge()
	}
	for name, err := range conditions {
		if err != nil {
			reasons = append(reasons, name+": "+err.Error())
		}
	}
	slices.Sort(reasons)
	return len(reasons) == 0, reasons
}

// Watch names a loop that must beat at least every limit for the daemon to be alive.
// It is watched from now on until end is called.
func (h *Health) Watch(name string, limit time.Duration) (beat, end func()) {
	l := &loop{limit: limit, last: time.Now()}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.loops == nil {
		h.loops = map[string]*loop{}
	}
	h.loops[name] = l
	beat = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		l.last = time.Now()
	}
	end = func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.loops[name] == l {
			delete(h.loops, name)
		}
	}
	return beat, end
}

// Alive is nil while every watched loop beats in time; its error names those that do not.
func (h *Health) Alive() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	var stuck []string
	for name, l := range h.loops {
		if silent := time.Since(l.last); silent > l.limit {
			stuck = append(stuck, fmt.Sprintf("%s: no progress for %s", name, Duration(silent)))
		}
	}
	slices.Sort(stuck)
	errs := make([]error, len(stuck))
	for i, s := range stuck {
		errs[i] = errors.New(s)
	}
	return errors.Join(errs...)
}
