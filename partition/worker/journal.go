package worker

import (
	"slices"

	"github.com/ringmeter/ringmeter/partition"
)

// journal is what this member has done and holds in one cycle, by partition.
type journal map[int]entry

type entry struct {
	stage   stage
	epoch   uint64 // of the claim
	renewal int    // of the lease, when the coordinator last said that the partition is ours; 0 never
	tries   int    // how often it was handed back
	asked   bool   // a claim was not answered, so it may be ours without our knowing
}

type stage uint8

const (
	released  stage = iota // by us, and the coordinator does not know
	returning              // by us, and the coordinator is being told
	elsewhere              // only the coordinator knows whose it is
	held
	done
)

// ours reports whether this member works on the partition or has done so.
func (e entry) ours() bool { return e.stage == held || e.stage == done }

// taken reports whether a claim must not be granted: one that crosses the handing back was
// answered with what we held before.
func (e entry) taken() bool { return e.ours() || e.stage == returning }

// untouched leaves out repetitions and what this member holds or has done. What it has
// handed back twice is nothing for it any more.
func (l *ledger) untouched(parts []int) []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := make(map[int]struct{}, len(parts))
	var rest []int
	for _, p := range parts {
		_, again := seen[p]
		if e := l.journal[p]; again || e.taken() || e.tries > 1 {
			continue
		}
		seen[p] = struct{}{}
		rest = append(rest, p)
	}
	return rest
}

// take notes what the coordinator has answered to a claim that was made under a lease. What
// it refuses belongs to somebody else, unless it refuses while members come back.
func (l *ledger) take(wanted, granted []int, renewal int, grace bool) []partition.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range wanted {
		if e := l.journal[p]; !e.taken() {
			e.asked = false
			if !grace {
				e.stage = elsewhere
			}
			l.journal[p] = e
		}
	}
	return l.hold(granted, renewal)
}

// takeItself notes what this member grants itself, which is news to the coordinator: what
// it owns and has no reason to think of as somebody else's.
func (l *ledger) takeItself(parts []int) []partition.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unheard = true
	return l.hold(slices.DeleteFunc(parts, func(p int) bool {
		owner, _ := l.ring.Owner(p)
		return owner.ID != l.m.member.ID || l.journal[p].stage == elsewhere
	}), 0)
}

// hold makes claims, except of what somebody of this process has claimed faster; l.mu is held.
func (l *ledger) hold(parts []int, renewal int) []partition.Claim {
	epoch := l.ring.View().Epoch
	claims := make([]partition.Claim, 0, len(parts))
	for _, p := range parts {
		e := l.journal[p]
		if e.stage == returning {
			e.asked = true // it may have been granted after it was handed back
			l.journal[p] = e
		}
		if e.taken() {
			continue
		}
		e.stage, e.epoch, e.renewal = held, epoch, renewal
		l.journal[p] = e
		claims = append(claims, l.claim(p, epoch))
	}
	return claims
}

func (l *ledger) claim(p int, epoch uint64) partition.Claim {
	return partition.Claim{Source: l.cycle.Source, Member: l.m.member.ID, Cycle: l.cycle.Number, Partition: p, Epoch: epoch}
}

// mine sorts out claims that this member was not granted.
func (l *ledger) mine(cs []partition.Claim) (mine, foreign []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range cs {
		if e, ok := l.journal[c.Partition]; ok && c == l.claim(c.Partition, e.epoch) {
			mine = append(mine, c.Partition)
		} else {
			foreign = append(foreign, c.Partition)
		}
	}
	return mine, foreign
}

// doubtful are those that were granted under another lease than the present one, or by this
// member itself; lost are those that it does not hold.
func (l *ledger) doubtful(cs []partition.Claim, renewal int) (doubtful, lost []int) {
	if len(cs) == 0 {
		return nil, nil
	}
	l.mu.Lock()
	known := l.sure == certainty{&cs[0], len(cs), renewal, l.losses}
	l.mu.Unlock()
	if known {
		return nil, nil
	}
	mine, lost := l.mine(cs)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range mine {
		switch e := l.journal[p]; {
		case !e.ours():
			lost = append(lost, p)
		case e.renewal != renewal:
			doubtful = append(doubtful, p)
		}
	}
	if len(doubtful)+len(lost) == 0 {
		l.sure = certainty{&cs[0], len(cs), renewal, l.losses}
	}
	return doubtful, lost
}

// certainty is that a list of claims is held under a lease. The list is known by its place,
// as one who publishes in many batches asks about the same one again and again.
type certainty struct {
	first   *partition.Claim
	n       int
	renewal int
	losses  int // so far
}

// confirm notes that the coordinator has said under a lease that parts are ours.
func (l *ledger) confirm(parts []int, renewal int) {
	l.each(parts, func(e *entry) { e.renewal = renewal })
}

// wonder notes that a claim was not answered.
func (l *ledger) wonder(parts []int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range parts {
		if e := l.journal[p]; !e.ours() {
			e.asked = true
			l.journal[p] = e
		}
	}
}

// free are those of the wanted partitions that are free, or may be ours without our knowing.
func (l *ledger) free(wanted, free []int) []int {
	is := make(map[int]bool, len(free))
	for _, p := range free {
		is[p] = true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(wanted, func(p int) bool { return !is[p] && !l.journal[p].asked })
}

// finish notes that parts are done, before the coordinator hears of it.
func (l *ledger) finish(parts []int) {
	l.each(parts, func(e *entry) {
		if e.stage == held {
			e.stage = done
		}
	})
}

// handBack notes that an attempt at parts has failed.
func (l *ledger) handBack(parts []int) {
	l.each(parts, func(e *entry) {
		if e.stage == held {
			l.losses++
			e.tries++
		}
		if e.stage == held || e.stage == released {
			e.stage = returning
		}
	})
}

// keepBack notes that the coordinator may not know what was handed back: others are not
// given it, so this member has to take it again.
func (l *ledger) keepBack(parts []int) {
	l.each(parts, func(e *entry) {
		if e.stage == returning {
			e.stage, e.asked = released, true
		}
	})
}

// give notes that the coordinator knows what was handed back.
func (l *ledger) give(parts []int) {
	l.each(parts, func(e *entry) {
		if e.stage == returning {
			e.stage = elsewhere
		}
	})
}

// forget drops what others have taken.
func (l *ledger) forget(parts []int) {
	l.each(parts, func(e *entry) {
		l.losses++
		e.stage = elsewhere
	})
}

func (l *ledger) each(parts []int, change func(*entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range parts {
		if e, ok := l.journal[p]; ok {
			change(&e)
			l.journal[p] = e
		}
	}
}

// renewal numbers the lease that goes on now.
func (m *membership) renewal() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lease.renewal
}

// dropped notes that the member has no place in the group, so that others may have taken
// what it has not claimed yet; m.mu is held.
func (m *membership) dropped() {
	for _, l := range m.ledgers {
		l.mu.Lock()
		l.dropped = true
		l.mu.Unlock()
	}
}

// graced reports whether the coordinator waits for members to come back.
func (m *membership) graced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.grace
}

// lapse begins another lease for what is held: the coordinator says that there was none.
func (m *membership) lapse() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lease.renewal++
}
