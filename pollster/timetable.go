package pollster

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// timetable says when the runs of one pollster start: that of cycle k at k×interval+phase
// after the Unix epoch by the wall clock.
type timetable struct{ interval, phase time.Duration }

// start is when the run of cycle k is due.
func (t timetable) start(k int64) time.Time {
	return time.Unix(0, k*int64(t.interval)+int64(t.phase))
}

// cycleAt is the cycle whose run was due last at now.
func (t timetable) cycleAt(now time.Time) int64 {
	since := now.UnixNano() - int64(t.phase)
	k := since / int64(t.interval)
	if since%int64(t.interval) < 0 {
		k--
	}
	return k
}

// late is by how much a run may start late rather than be left out.
func (t timetable) late() time.Duration { return t.interval / 10 }

// next is the run after that of cycle last: its number, always a higher one, and when it
// starts, which may just have passed.
func (t timetable) next(now time.Time, last int64) (k int64, at time.Time) {
	k = t.cycleAt(now)
	if now.Sub(t.start(k)) > t.late() || k <= last {
		k++
	}
	switch {
	case k > last:
		return k, t.start(k)
	case k == last:
		// That start is already taken: by a run that started early in real time
		// because the clock was set back a little since. Wait for the one after.
		return last + 1, t.start(last + 1)
	}
	// The clock was set back. Numbers must not repeat and polling must not stop until the
	// clock has caught up, so the numbers run ahead of it.
	return last + 1, t.start(k)
}

// unphased is the timetable of the cycles themselves.
func (t timetable) unphased() timetable { return timetable{interval: t.interval} }

// fraction is a number in [0,1) that depends on texts only and is spread evenly.
func fraction(texts ...string) float64 {
	d := xxhash.New()
	for _, text := range texts {
		_, _ = d.WriteString(text) // never fails
		_, _ = d.Write([]byte{0})
	}
	const unit = 1 << 53 // what a float64 resolves
	return float64(d.Sum64()>>11) / unit
}
