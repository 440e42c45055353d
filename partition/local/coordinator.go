// Package local coordinates the workers of one process, without any service outside it.
//
// It is what a single worker uses: the view holds that worker alone, claims are granted
// from memory, and nothing ever waits. Several members of one process may join as well;
// then every join and leave changes the view at once.
//
// It remembers the last three cycles of each source, by the order in which they were
// opened and not by their numbers, so that a clock that was set back does not stop
// polling until it has caught up. A cycle that was forgotten and is opened again starts
// from nothing: what was done in it before may be claimed a second time.
//
// It does not know which partitions exist, so Unfinished lists those that were claimed
// and given back or left behind, not those that nobody has ever claimed. Nothing survives
// the process.
package local

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/partition"
)

// Coordinator joins members of this process into groups. It has no goroutines and needs
// no closing.
type Coordinator struct {
	mu     sync.Mutex
	groups map[string]*group // kept when empty: epochs never go back
}

var _ partition.Coordinator = (*Coordinator)(nil)

// New makes a coordinator without groups.
func New() *Coordinator { return &Coordinator{groups: map[string]*group{}} }

// Join makes m a member of group, which comes into being with its first member. It fails
// if m is unusable or a member with its ID is in the group already.
func (c *Coordinator) Join(ctx context.Context, name string, m partition.Member) (partition.Membership, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("joining group %q: %w", name, err)
	}
	g := c.group(name)
	g.mu.Lock()
	defer g.mu.Unlock()
	if slices.ContainsFunc(g.view.Members, func(other partition.Member) bool { return other.ID == m.ID }) {
		return nil, fmt.Errorf("joining group %q: member %q is in it already", name, m.ID)
	}
	if err := g.change(append(slices.Clone(g.view.Members), m)); err != nil {
		return nil, fmt.Errorf("joining group %q: %w", name, err)
	}
	return &membership{group: g, id: m.ID}, nil
}

func (c *Coordinator) group(name string) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.groups[name]
	if g == nil {
		g = &group{changed: make(chan struct{}), sources: map[string][]*cycle{}}
		c.groups[name] = g
	}
	return g
}

// group is what its members share. Views are replaced and never changed in place.
type group struct {
	mu      sync.Mutex
	view    partition.View
	changed chan struct{}
	sources map[string][]*cycle // the last keptCycles of each, latest opened last
}

// change gives the group its next view; g.mu is held.
func (g *group) change(members []partition.Member) error {
	view, err := partition.NewView(g.view.Epoch+1, members...)
	if err != nil {
		return err
	}
	g.view = view
	close(g.changed)
	g.changed = make(chan struct{})
	return nil
}

type membership struct {
	*group
	id   string
	left bool // under group.mu
}

func (m *membership) View() partition.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view
}

func (m *membership) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *membership) Cycle(ctx context.Context, source string, k int64) (partition.Ledger, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.mayWork(ctx); err != nil {
		return nil, fmt.Errorf("opening cycle %d of source %q: %w", k, source, err)
	}
	return &ledger{by: m, source: source, cycle: m.open(source, k)}, nil
}

// Leave gives up the claims that are not done, for others to take; a second one does nothing.
func (m *membership) Leave(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left {
		return nil
	}
	m.left = true
	for _, cycles := range m.sources {
		for _, c := range cycles {
			c.abandon(m.id)
		}
	}
	rest := slices.DeleteFunc(slices.Clone(m.view.Members), func(other partition.Member) bool { return other.ID == m.id })
	return m.change(rest)
}

// mayWork refuses new work to a member that is on its way out; m.mu is held.
func (m *membership) mayWork(ctx context.Context) error {
	if m.left {
		return partition.ErrLeft
	}
	return ctx.Err()
}
