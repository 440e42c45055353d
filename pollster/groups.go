package pollster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	joinLimit  = 10 * time.Second // for one attempt
	leaveLimit = 2 * time.Second  // for all groups together
)

// GroupsConfig is what Groups are made of.
type GroupsConfig struct {
	Coordinator partition.Coordinator
	// StandIn coordinates this worker alone while a group cannot be joined. With nil, what
	// is divided waits.
	StandIn partition.Coordinator
	Member  partition.Member
	Logger  *slog.Logger // nil discards
}

// Groups are the places of this worker in the groups that share its work. They outlive a
// Scheduler, so that a reload is no departure. They serve one Scheduler at a time.
type Groups struct {
	config GroupsConfig

	mu     sync.Mutex
	groups map[string]*group
	news   chan struct{} // closed when something has changed
}

// group is the place in one group.
type group struct {
	membership partition.Membership // nil until joined
	linked     bool                 // it has been in the view
	standIn    partition.Membership // nil until it was needed
	problem    string               // why it is not joined
}

// NewGroups makes Groups that have joined nothing.
func NewGroups(c GroupsConfig) *Groups {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Groups{config: c, groups: map[string]*group{}, news: make(chan struct{})}
}

// Leave leaves all groups, for which it takes two seconds at most, also when ctx has ended.
// No Scheduler may run any more.
func (gs *Groups) Leave(ctx context.Context) error { return gs.retain(ctx, nil) }

// retain leaves the groups that are not named.
func (gs *Groups) retain(ctx context.Context, names map[string]bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	gs.mu.Lock()
	left := map[string]*group{}
	for name, g := range gs.groups {
		if !names[name] {
			left[name] = g
			delete(gs.groups, name)
		}
	}
	gs.mu.Unlock()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	leave := func(name string, m partition.Membership) {
		if err := m.Leave(ctx); err != nil {
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		}
	}
	for name, g := range left {
		for _, m := range []partition.Membership{g.membership, g.standIn} {
			if m != nil {
				wg.Go(func() { leave(name, m) })
			}
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// join makes one attempt, unless the group is joined already.
func (gs *Groups) join(ctx context.Context, name string) error {
	if gs.look(name).membership != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	m, err := gs.config.Coordinator.Join(ctx, name, gs.config.Member)
	if err != nil {
		return err
	}
	gs.change(name, func(g *group) { g.membership = m })
	return nil
}

// workAlone lets the stand-in take the place of a group that cannot be joined.
func (gs *Groups) workAlone(ctx context.Context, name string, why error) {
	if gs.config.StandIn == nil || gs.look(name).standIn != nil {
		return
	}
	m, err := gs.config.StandIn.Join(ctx, name, gs.config.Member)
	if err != nil {
		gs.config.Logger.Error("working alone is not possible", "group", name, "err", err)
		return
	}
	gs.change(name, func(g *group) { g.standIn = m })
	gs.config.Logger.Warn("working alone until the group can be joined", "group", name, "member", gs.config.Member.ID, "err", why)
}

// current is the membership to work with: nil while there is none, and the stand-in's while
// alone.
func (gs *Groups) current(name string) (m partition.Membership, alone bool) {
	switch g := gs.look(name); {
	case g.linked:
		return g.membership, false
	case g.membership != nil && g.membership.State().Mode == partition.Linked:
		return g.membership, false
	default:
		return g.standIn, g.standIn != nil
	}
}

// clock is the membership whose clock counts: the first that is joined, or else the first
// stand-in; nil while there is none.
func (gs *Groups) clock(names []string) partition.Membership {
	var standIn partition.Membership
	for _, name := range names {
		g := gs.look(name)
		if g.membership != nil {
			return g.membership
		}
		if standIn == nil {
			standIn = g.standIn
		}
	}
	return standIn
}

// changes is closed at the next change; nil for no groups.
func (gs *Groups) changes() <-chan struct{} {
	if gs == nil {
		return nil
	}
	gs.mu.Lock()
	defer gs.mu.Unlock()
	return gs.news
}

// look is a copy of what is known of a group.
func (gs *Groups) look(name string) group {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g := gs.groups[name]; g != nil {
		return *g
	}
	return group{}
}

// change changes a group and says so.
func (gs *Groups) change(name string, how func(*group)) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.groups[name]
	if g == nil {
		g = &group{}
		gs.groups[name] = g
	}
	how(g)
	close(gs.news)
	gs.news = make(chan struct{})
}
