package steps

import (
	"maps"
	"slices"
	"strings"

	"github.com/ringmeter/ringmeter/partition"
)

// Group is everything that a coordinator knows of one group. The zero value is a group
// that nobody has joined.
type Group struct {
	Settings string
	Era      int64
	View     partition.View // Epoch grows for ever
	Members  map[string]*Member
	Last     int64 // when anybody was heard
	Newest   int64 // the highest incarnation that was given
	// The coordinator was away until Since; before Grace nobody is swept. 0 for neither.
	Since, Grace int64
	// The first and the last of the joins that wait; 0 when none does.
	FirstJoin, LastJoin int64
	Cycles              map[Key]*Cycle
	Sources             map[string]Newest
	Posts               map[string]Posted
}

// Member is a process as its group knows it.
type Member struct {
	Weight         int
	Address        string
	Incarnation    int64
	Era            int64 // the one it has handed in its work for
	Beat, Deadline int64
	Pending        bool // not in the view yet
}

// Posted is a Post and when it is forgotten.
type Posted struct {
	partition.Post
	Expires int64
}

// graceLeases is how many leases members have to come back after the coordinator was away.
const graceLeases = 2

// Beat joins, renews the lease of the caller, sweeps and makes a new view when it is time.
func (g *Group) Beat(now int64, b Beat) Beaten {
	if b.late(now) {
		return Beaten{Status: Late, Now: now}
	}
	if b.Incarnation != 0 && b.Epoch > g.View.Epoch {
		return Beaten{Status: Amnesia, Now: now}
	}
	m := g.Members[b.ID]
	if m != nil && b.Incarnation != 0 && m.Incarnation > b.Incarnation {
		return Beaten{Status: Replaced, Now: now}
	}
	g.hear(now, b.TTL.Milliseconds(), b.ID)
	if g.Settings != b.Settings && !g.adopt(now, &b) {
		return Beaten{Status: Mismatch, Now: now, Settings: g.Settings}
	}
	if g.Era == 0 {
		g.Era = max(now, 1)
	}
	changed := g.renew(now, &b)
	g.endGrace(now)
	if g.Grace == 0 && g.sweep(now) {
		changed = true
	}
	if g.admit(now, b.Settle.Milliseconds(), b.SettleMost.Milliseconds()) {
		changed = true
	}
	if changed {
		g.commit()
	}
	m = g.Members[b.ID]
	reply := Beaten{Now: now, Incarnation: m.Incarnation, Era: g.Era, Epoch: g.View.Epoch,
		InView: !m.Pending, Grace: g.Grace != 0}
	if b.Epoch != g.View.Epoch || b.Era != 0 && b.Era != g.Era {
		reply.View = &partition.View{Epoch: g.View.Epoch, Members: slices.Clone(g.View.Members)}
	}
	return reply
}

// hear notes that somebody was heard. When nobody was for half a lease, or the clock was set
// back by as much, the coordinator was away; in a grace that goes on a whole lease is needed,
// for it must end.
func (g *Group) hear(now, ttl int64, id string) {
	silent := max(now-g.Last, g.Last-now)
	away := g.Last != 0 && (silent > ttl || silent > ttl/2 && g.Grace == 0)
	if away && now < g.Last {
		g.rewind(now, ttl)
	}
	if away && g.hasOthers(id) {
		g.Since, g.Grace = now, now+graceLeases*ttl
	}
	g.Last = now
}

// rewind leaves nothing in the future when the clock was set back: otherwise joins would wait,
// a grace go on and the dead have a lease until the clock is where it was.
func (g *Group) rewind(now, ttl int64) {
	g.FirstJoin, g.LastJoin = min(g.FirstJoin, now), min(g.LastJoin, now)
	g.Since, g.Grace = 0, 0
	for _, m := range g.Members {
		m.Beat, m.Deadline = min(m.Beat, now-1), min(m.Deadline, now+graceLeases*ttl)
	}
}

// adopt takes over the caller's settings if nobody else works with others.
func (g *Group) adopt(now int64, b *Beat) bool {
	if g.Settings == "" {
		g.Settings = b.Settings
		return true
	}
	g.endGrace(now)
	if g.Grace == 0 && g.sweep(now) { // they may be gone, and nobody has noticed
		g.commit()
	}
	if g.hasOthers(b.ID) {
		return false
	}
	g.Settings = b.Settings
	g.Era = max(now, g.Era+1) // the partitions of their ledgers mean something else
	return true
}

// renew adds the caller or renews its lease, and reports whether the view must change.
func (g *Group) renew(now int64, b *Beat) (changed bool) {
	m, era := g.Members[b.ID], b.Era
	if m == nil {
		m = &Member{Weight: b.Weight, Address: b.Address, Pending: true}
		if g.Members == nil {
			g.Members = map[string]*Member{}
		}
		g.Members[b.ID] = m
		g.LastJoin = now
		if g.FirstJoin == 0 {
			g.FirstJoin = now
		}
	}
	if b.Incarnation == 0 {
		m.Incarnation = max(now, m.Incarnation+1, g.Newest+1)
		era = g.Era
	} else {
		m.Incarnation = b.Incarnation
	}
	g.Newest = max(g.Newest, m.Incarnation)
	if m.Weight != b.Weight || m.Address != b.Address {
		m.Weight, m.Address = b.Weight, b.Address
		changed = !m.Pending
	}
	m.Era, m.Beat, m.Deadline = era, now, now+b.TTL.Milliseconds()
	return changed
}

// endGrace ends it when its time is over, or when everybody is back.
func (g *Group) endGrace(now int64) {
	if g.Grace == 0 {
		return
	}
	if now < g.Grace {
		for _, m := range g.Members {
			if m.Beat < g.Since || m.Era != g.Era {
				return
			}
		}
	}
	g.Since, g.Grace = 0, 0
}

// sweep removes those whose lease is over and reports whether one was in the view.
func (g *Group) sweep(now int64) (changed bool) {
	for id, m := range g.Members {
		if m.Deadline <= now {
			changed = changed || !m.Pending
			delete(g.Members, id)
		}
	}
	return changed
}

// admit takes those who wait into the view once no more come.
func (g *Group) admit(now, settle, most int64) (changed bool) {
	if g.FirstJoin == 0 || now-g.LastJoin < settle && now-g.FirstJoin < most {
		return false
	}
	g.FirstJoin, g.LastJoin = 0, 0
	for _, m := range g.Members {
		changed = changed || m.Pending
		m.Pending = false
	}
	return changed
}

// commit makes a view of the members, and a new epoch if it differs from the last one.
func (g *Group) commit() {
	var members []partition.Member
	for id, m := range g.Members {
		if !m.Pending {
			members = append(members, partition.Member{ID: id, Weight: m.Weight, Address: m.Address})
		}
	}
	slices.SortFunc(members, func(a, b partition.Member) int { return strings.Compare(a.ID, b.ID) })
	if !slices.Equal(members, g.View.Members) {
		g.View = partition.View{Epoch: g.View.Epoch + 1, Members: members}
	}
}

// Restore makes the group what the caller knows, unless somebody else has done it. Those
// it names have two leases to come back.
func (g *Group) Restore(now int64, r Restore) {
	if g.View.Epoch >= r.View.Epoch {
		return
	}
	if g.Settings == "" {
		g.Settings = r.Settings
	}
	g.Era = max(now, g.Era+1, r.Era+1)
	until := now + graceLeases*r.TTL.Milliseconds()
	if g.Members == nil {
		g.Members = map[string]*Member{}
	}
	for _, known := range r.View.Members {
		m := g.Members[known.ID]
		if m == nil {
			m = &Member{Weight: known.Weight, Address: known.Address, Deadline: until}
			g.Members[known.ID] = m
		}
		m.Pending = false
	}
	g.Last, g.Since, g.Grace = now, now, until
	g.View = partition.View{Epoch: r.View.Epoch} // no members, so that the next line makes a new epoch if there are any
	g.commit()
}

// Leave removes the caller, unless a newer process has its ID.
func (g *Group) Leave(_ int64, c Caller) {
	m := g.Members[c.ID]
	if m == nil || m.Incarnation > c.Incarnation {
		return
	}
	delete(g.Members, c.ID)
	if !m.Pending {
		g.commit()
	}
}

// Post keeps p, unless what is there is newer.
func (g *Group) Post(now int64, key string, p partition.Post, keep int64) {
	maps.DeleteFunc(g.Posts, func(_ string, old Posted) bool { return old.Expires <= now })
	if old, ok := g.Posts[key]; ok && old.Version > p.Version {
		return
	}
	if g.Posts == nil {
		g.Posts = map[string]Posted{}
	}
	g.Posts[key] = Posted{p, now + keep}
}

// Read finds what is posted under key.
func (g *Group) Read(now int64, key string) (partition.Post, bool) {
	p, ok := g.Posts[key]
	return p.Post, ok && p.Expires > now
}

// Look is the picture of the group.
func (g *Group) Look(now int64) Picture {
	p := Picture{Now: now, Settings: g.Settings, Era: g.Era, Grace: g.Grace,
		View: partition.View{Epoch: g.View.Epoch, Members: slices.Clone(g.View.Members)}}
	for _, id := range slices.Sorted(maps.Keys(g.Members)) {
		m := g.Members[id]
		p.Members = append(p.Members, Seen{partition.Member{ID: id, Weight: m.Weight, Address: m.Address},
			m.Incarnation, m.Beat, m.Deadline, m.Pending})
	}
	for _, source := range slices.Sorted(maps.Keys(g.Sources)) {
		p.Sources = append(p.Sources, g.Sources[source])
	}
	return p
}

func (g *Group) hasOthers(id string) bool {
	_, known := g.Members[id]
	return len(g.Members) > 1 || len(g.Members) == 1 && !known
}

// lives reports whether a process has a lease. After the coordinator was away everybody
// does for a while.
func (g *Group) lives(now int64, id string, incarnation int64) bool {
	m := g.Members[id]
	return m != nil && (g.graced(now) || m.Incarnation == incarnation && m.Deadline > now)
}

// graced reports whether members may still have to come back after the coordinator was away.
func (g *Group) graced(now int64) bool { return g.Grace != 0 && now < g.Grace }
