package pollster

import (
	"time"

	"github.com/cespare/xxhash/v2"
)

// timetable says when cycles begin: cycle k at k×interval after the Unix epoch.
type timetable struct{ interval time.Duration }

// start is when cycle k begins.
func (t timetable) start(k int64) time.Time { return time.Unix(0, k*int64(t.interval)) }

// cycleAt is the cycle that goes on at now.
func (t timetable) cycleAt(now time.Time) int64 {
	since := now.UnixNano()
	k := since / int64(t.interval)
	if since%int64(t.interval) < 0 {
		k--
	}
	return k
}

// late is by how much a cycle may be begun late rather than be left out.
func (t timetable) late() time.Duration { return t.interval / 10 }

// next is the cycle after cycle last: its number, always a higher one, and when it begins,
// which may just have passed.
func (t timetable) next(now time.Time, last int64) (k int64, at time.Time) {
	k = t.cycleAt(now)
	if now.Sub(t.start(k)) > t.late() || k <= last {
		k++
	}
	switch {
	case k > last:
		return k, t.start(k)
	case k == last:
		// That start is already taken: by a cycle that began early in real time
		// because the clock was set back a little since. Wait for the one after.
		return last + 1, t.start(last + 1)
	}
	// The clock was set back. Numbers must not repeat and polling must not stop until the
	// clock has caught up, so the numbers run ahead of it.
	return last + 1, t.start(k)
}

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
