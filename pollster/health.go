package pollster

import "sync"

// health decides what is worth a log line: the first time that something goes wrong, and
// the first cycle in which it no longer does.
type health struct {
	mu    sync.Mutex
	known map[string]bool // problem → seen since the last settle
}

// bad notes a problem and reports whether it is new.
func (h *health) bad(problem string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.known[problem]
	if h.known == nil {
		h.known = map[string]bool{}
	}
	h.known[problem] = true
	return !known
}

// good reports whether problem was there and is gone now.
func (h *health) good(problem string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, known := h.known[problem]
	delete(h.known, problem)
	return known
}

// settle ends a cycle: it returns the problems that are gone.
func (h *health) settle() (gone []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for problem, seen := range h.known {
		if seen {
			h.known[problem] = false
			continue
		}
		delete(h.known, problem)
		gone = append(gone, problem)
	}
	return gone
}
