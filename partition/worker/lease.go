package worker

import "time"

// lease is for how long the member may work without hearing from the coordinator.
type lease struct {
	sent    time.Time // the last heartbeat that was answered
	until   time.Time // by the coordinator's word, with a margin
	permit  time.Time // until, or later when the others have said that they do not reach it either
	renewal int       // grows when a lease begins after the last one was over
}

// margin is what the member's count of its lease stays behind the coordinator's.
const margin = time.Second

// renew begins a lease with a heartbeat that was sent at a moment and answered at another.
func (l *lease) renew(sent, answered time.Time, ttl time.Duration) {
	if over(l.until, answered) {
		l.renewal++
	}
	l.sent, l.until = sent, sent.Add(ttl-min(margin, ttl/5))
	l.permit = l.until
}

func (l *lease) permits(now time.Time) bool { return !over(l.permit, now) }

// over compares by the monotonic clock and by the wall clock, because the first stands
// still while the machine is suspended.
func over(deadline, now time.Time) bool {
	return !now.Before(deadline) || !now.Round(0).Before(deadline.Round(0))
}
