package steps

import (
	"maps"
	"slices"

	"github.com/ringmeter/ringmeter/partition"
)

// Key names a cycle.
type Key struct {
	Source string
	Number int64
}

// Cycle is the ledger of one cycle of one source.
type Cycle struct {
	Era      int64
	View     partition.View // pinned
	Expected int
	// Reborn ledgers were lost before, and not everybody may have handed in what it did:
	// nobody takes what it has no trace of from its owner.
	Reborn bool
	// Graced ledgers were begun when the coordinator had been away. Until everybody is
	// back, nobody is given what may have been done meanwhile.
	Graced          bool
	Expires         int64
	Entries         map[int]Entry
	Rescued, Stolen int
	Late            int
}

// Stage is how far a partition of a cycle is.
type Stage uint8

const (
	// Held partitions are being worked on.
	Held Stage = iota
	// Open partitions were handed back.
	Open
	// Done partitions are finished.
	Done
)

// Entry is a partition that was claimed at least once.
type Entry struct {
	Stage       Stage
	Holder      string // the last one
	Incarnation int64
	Tries       int // how often it was handed back
	Reason      partition.Reason
}

// by reports whether the caller is the holder, or was the last one.
func (e Entry) by(c Caller) bool { return e.Holder == c.ID && e.Incarnation == c.Incarnation }

const (
	mostTries    = 2    // a partition is granted that often after it was handed back, in all
	earlyMillis  = 1000 // by which a caller may be ahead of the coordinator's clock
	keptCycles   = 3    // intervals after its start until a cycle is forgotten
	stealPercent = 85   // of a cycle that must be over before somebody's work is taken over
)

// Begin pins the view of a cycle and returns it.
func (g *Group) Begin(now int64, b Begin) Begun {
	if s := g.timely(now, b.Turn); s != OK {
		return Begun{Status: s}
	}
	c := g.cycle(now, b.Turn)
	if c == nil {
		c = g.begin(now, b.Turn, b.Known)
	}
	c.Expected = max(c.Expected, b.Expected)
	return Begun{View: partition.View{Epoch: c.View.Epoch, Members: slices.Clone(c.View.Members)}}
}

// begin makes a ledger, which known says was there before.
func (g *Group) begin(now int64, t Turn, known *partition.View) *Cycle {
	maps.DeleteFunc(g.Cycles, func(_ Key, c *Cycle) bool { return c.Expires <= now })
	c := &Cycle{Era: g.Era, View: g.View, Entries: map[int]Entry{}, Expires: t.Start() + keptCycles*t.Interval,
		Graced: g.graced(now)}
	if known != nil {
		c.View, c.Reborn = *known, true
	}
	if g.Cycles == nil {
		g.Cycles = map[Key]*Cycle{}
	}
	g.Cycles[Key{t.Source, t.Number}] = c
	if g.Sources == nil {
		g.Sources = map[string]Newest{}
	}
	if last, ok := g.Sources[t.Source]; !ok || last.Interval != t.Interval || last.Number < t.Number {
		g.Sources[t.Source] = Newest{t.Source, t.Number, t.Interval}
	}
	return c
}

// cycle finds a ledger of this era.
func (g *Group) cycle(now int64, t Turn) *Cycle {
	c := g.Cycles[Key{t.Source, t.Number}]
	if c == nil || c.Era != g.Era || c.Expires <= now {
		return nil
	}
	return c
}

// timely refuses what cannot be worked on now: the request has been on its way for too
// long, the group was restored, the caller's clock is wrong, or it was asleep.
func (g *Group) timely(now int64, t Turn) Status {
	switch {
	case t.late(now):
		return Late
	case t.Era != g.Era || g.Era == 0:
		return WrongEra
	case now < t.Start()-earlyMillis:
		return TooEarly
	case now >= t.Start()+keptCycles*t.Interval:
		return Over
	}
	return OK
}

// open finds the ledger of a request and checks that the caller may use it.
func (g *Group) open(now int64, t Turn) (*Cycle, Status) {
	if s := g.timely(now, t); s != OK {
		return nil, s
	}
	if m := g.Members[t.ID]; m == nil || m.Incarnation != t.Incarnation || m.Deadline <= now {
		return nil, NoLease
	}
	c := g.cycle(now, t)
	switch {
	case c == nil:
		return nil, NoLedger
	case c.View.Epoch != t.Epoch:
		return nil, WrongView
	}
	return c, OK
}

// Claim grants partitions. Those that the caller holds already are in the answer too,
// since it may not have heard of an earlier one.
func (g *Group) Claim(now int64, r Claim) Parts {
	c, status := g.open(now, r.Turn)
	if status != OK {
		return Parts{Status: status}
	}
	var granted []int
	if r.Reason == partition.Steal && now < r.Start()+r.Interval*stealPercent/100 {
		return Parts{}
	}
	for _, p := range r.Parts {
		e, traced := c.Entries[p]
		mine := traced && e.Stage == Held && e.by(r.Caller)
		if !mine {
			if !g.claimable(now, c, e, traced, r.Reason) {
				continue
			}
			c.Entries[p] = Entry{Stage: Held, Holder: r.ID, Incarnation: r.Incarnation, Tries: e.Tries, Reason: r.Reason}
		}
		granted = append(granted, p)
	}
	return Parts{Parts: granted}
}

// claimable reports whether somebody else than its holder may take a partition.
func (g *Group) claimable(now int64, c *Cycle, e Entry, traced bool, why partition.Reason) bool {
	switch {
	case g.graced(now) && (why != partition.Own || c.Graced && !traced):
		return false
	case !traced:
		return why == partition.Own || !c.Reborn
	case e.Stage == Open:
		return e.Tries < mostTries
	case e.Stage == Held:
		return !g.lives(now, e.Holder, e.Incarnation)
	}
	return false
}

// Settle finishes and hands back what the caller holds, and returns what it does not hold.
// Doing either twice is no fault: the answer to the first may have been lost.
func (g *Group) Settle(now int64, r Settle) Parts {
	c, status := g.open(now, r.Turn)
	if status != OK {
		return Parts{Status: status}
	}
	var lost []int
	for _, p := range r.Done {
		e, ok := c.entry(p, r.Caller)
		switch {
		case !ok || e.Stage == Open || !e.by(r.Caller):
			lost = append(lost, p)
		case e.Stage == Held:
			c.finish(p, e)
			if now >= r.Start()+r.Interval {
				c.Late++
			}
		}
	}
	for _, p := range r.Release {
		e, ok := c.entry(p, r.Caller)
		switch {
		case !ok || e.Stage == Done || !e.by(r.Caller):
			lost = append(lost, p)
		case e.Stage == Held:
			e.Stage = Open
			e.Tries++
			c.Entries[p] = e
		}
	}
	return Parts{Parts: lost}
}

// entry is that of a partition for one who says that it holds it. In a ledger that was lost
// what has no trace is the caller's: nobody else is given it, and it has not handed in yet.
func (c *Cycle) entry(p int, by Caller) (Entry, bool) {
	e, ok := c.Entries[p]
	if !ok && c.Reborn {
		return Entry{Stage: Held, Holder: by.ID, Incarnation: by.Incarnation}, true
	}
	return e, ok
}

// finish marks a partition as done and counts how that came about.
func (c *Cycle) finish(p int, e Entry) {
	e.Stage = Done
	c.Entries[p] = e
	switch e.Reason {
	case partition.Rescue:
		c.Rescued++
	case partition.Steal:
		c.Stolen++
	case partition.Own:
	}
}

// Held returns those of the partitions that the caller neither holds nor has finished.
func (g *Group) Held(now int64, r Listed) Parts {
	c, status := g.open(now, r.Turn)
	if status != OK {
		return Parts{Status: status}
	}
	var lost []int
	for _, p := range r.Parts {
		e, ok := c.entry(p, r.Caller)
		if !ok || e.Stage == Open || !e.by(r.Caller) {
			lost = append(lost, p)
		}
	}
	return Parts{Parts: lost}
}

// Backfill enters what the caller has done and holds. It needs no lease: a member hands
// in its work before it beats, so that nobody sees it alive with its work missing. When it
// was done is not known, so it does not count as late.
func (g *Group) Backfill(now int64, r Backfill) Status {
	if s := g.timely(now, r.Turn); s != OK {
		return s
	}
	c := g.cycle(now, r.Turn)
	if c == nil {
		c = g.begin(now, r.Turn, &r.View)
	}
	entry := Entry{Stage: Held, Holder: r.ID, Incarnation: r.Incarnation}
	for _, p := range r.Done {
		e, traced := c.Entries[p]
		mine := e.by(r.Caller)
		switch {
		case !traced, e.Stage == Held && !mine && !g.lives(now, e.Holder, e.Incarnation):
			c.finish(p, entry)
		case e.Stage == Held && mine, e.Stage == Open:
			c.finish(p, Entry{Holder: r.ID, Incarnation: r.Incarnation, Tries: e.Tries, Reason: e.Reason})
		}
	}
	for _, p := range r.Held {
		if _, traced := c.Entries[p]; !traced {
			c.Entries[p] = entry
		}
	}
	return OK
}

// Unfinished returns those of the partitions that could be claimed now.
func (g *Group) Unfinished(now int64, r Listed) Parts {
	c, status := g.open(now, r.Turn)
	if status != OK {
		return Parts{Status: status}
	}
	var free []int
	for _, p := range r.Parts {
		e, traced := c.Entries[p]
		if g.claimable(now, c, e, traced, partition.Steal) {
			free = append(free, p)
		}
	}
	return Parts{Parts: free}
}

// Coverage counts the entries of a cycle; nothing when it is not known.
func (g *Group) Coverage(now int64, t Turn) partition.Coverage {
	c := g.Cycles[Key{t.Source, t.Number}]
	if c == nil || c.Era != g.Era || c.Expires <= now {
		return partition.Coverage{}
	}
	sum := partition.Coverage{Expected: c.Expected, Rescued: c.Rescued, Stolen: c.Stolen, Late: c.Late}
	for _, e := range c.Entries {
		switch e.Stage {
		case Held:
			sum.Claimed++
		case Open:
			sum.Open++
		case Done:
			sum.Done++
		}
	}
	return sum
}
