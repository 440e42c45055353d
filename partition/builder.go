package partition

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// keep is how many rings a Builder remembers: cycles stay on older views for a while.
const keep = 4

// Builder makes the rings of successive views. A view that differs little from the last one
// costs milliseconds, also with a thousand members; one whose IDs and weights were there
// lately is not built again. Any number of goroutines may use it; they take turns.
type Builder struct {
	settings Settings

	mu     sync.Mutex
	circle *circle // of the last view that was built; nil before and after a fault
	recent []*Ring // newest first, of different owners
}

// NewBuilder makes one for rings with the settings s, which it checks.
func NewBuilder(s Settings) (*Builder, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return &Builder{settings: s}, nil
}

// Ring is equal to what NewRing makes of v, whatever was built before. After an error the
// Builder can still be used.
func (b *Builder) Ring(v View) (*Ring, error) {
	v, err := NewView(v.Epoch, v.Members...) // a view may have been put together by hand
	if err != nil {
		return nil, err
	}
	active := slices.DeleteFunc(slices.Clone(v.Members), func(m Member) bool { return m.Weight == 0 })
	r := &Ring{view: v, settings: b.settings, active: active}
	sameOwners := func(o *Ring) bool { return slices.EqualFunc(o.active, active, sameShare) }

	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.recent, sameOwners); i >= 0 {
		r.owners = b.recent[i].owners
	} else if r.owners, err = b.owners(active); err != nil {
		return nil, fmt.Errorf("building ring of epoch %d for %d members: %w", v.Epoch, len(active), err)
	}
	b.recent = slices.Insert(slices.DeleteFunc(b.recent, sameOwners), 0, r)
	b.recent = b.recent[:min(len(b.recent), keep)]
	return r, nil
}

// owners is the table of Ring.owners, from the circle there is or else from a new one.
func (b *Builder) owners(active []Member) ([]uint16, error) {
	ps := places(active)
	switch {
	case len(ps) == 0:
		return nil, nil
	case len(ps) > math.MaxUint16:
		return nil, fmt.Errorf("weights add up to %d, want at most %d", len(ps), math.MaxUint16)
	}
	last := b.circle
	b.circle = nil // until one has given a table
	if last != nil && last.cheap(ps) {
		if owners, err := last.change(ps); err == nil {
			b.circle = last
			return owners, nil
		}
	}
	c, owners, err := newCircle(ps, b.settings)
	if err != nil {
		return nil, err
	}
	b.circle = c
	return owners, nil
}

func sameShare(a, b Member) bool { return a.ID == b.ID && a.Weight == b.Weight }
