package discovery

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
)

// Errors that a caller of Cache.List may want to tell apart.
var (
	// ErrUnknown is returned for a reference that no plugin of the catalog answers to.
	ErrUnknown = errors.New("no such discovery")
	// ErrHanging is returned while an earlier listing of the same reference, given up
	// at its deadline, has still not returned.
	ErrHanging = errors.New("an earlier listing has not returned yet")
)

// Catalog holds one Discoverer per plugin. It is safe for concurrent use.
type Catalog struct {
	entries map[string]entry

	mu      sync.Mutex
	hanging map[Ref]int // listings that were given up and run on
}

type entry struct {
	scope  Scope
	made   Discoverer
	err    error                          // why there is none
	decode func([]byte) (Resource, error) // nil when lists are not shared
}

// NewCatalog constructs the discoverer of each plugin. One that fails or panics, or whose
// name is taken already, is reported in faults; in the first two cases listing it here
// returns the same error, while another worker's list can be used.
func NewCatalog(plugins []Plugin) (c *Catalog, faults []error) {
	c = &Catalog{entries: make(map[string]entry, len(plugins)), hanging: map[Ref]int{}}
	for _, p := range plugins {
		if _, taken := c.entries[p.Name]; taken {
			faults = append(faults, fmt.Errorf("constructing discovery %q: the name is taken", p.Name))
			continue
		}
		e := entry{scope: p.Scope}
		if p.Scope == Shared {
			e.decode = p.Decode
		}
		if e.made, e.err = construct(p); e.err != nil {
			faults = append(faults, e.err)
		}
		c.entries[p.Name] = e
	}
	return c, faults
}

func construct(p Plugin) (d Discoverer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("constructing discovery %q: panic: %v\n%s", p.Name, r, debug.Stack())
		}
	}()
	if d, err = p.New(); err != nil {
		return nil, fmt.Errorf("constructing discovery %q: %w", p.Name, err)
	}
	return d, nil
}

// Scope is that of the plugin called name, Shared when there is none.
func (c *Catalog) Scope(name string) Scope { return c.entries[name].scope }

// decoder reads a resource of ref that another worker has listed, nil when lists of ref are
// not shared.
func (c *Catalog) decoder(ref Ref) func([]byte) (Resource, error) { return c.entries[ref.Name].decode }

// countHanging counts the listings of ref that outlive their deadline.
func (c *Catalog) countHanging(ref Ref, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hanging[ref] += by; c.hanging[ref] == 0 {
		delete(c.hanging, ref)
	}
}

func (c *Catalog) isHanging(ref Ref) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hanging[ref] > 0
}
