package host

import (
	"context"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/metering"
)

// firstWindow is how long the very first poll looks at the CPUs: since boot would be
// misleading, and nothing at all would leave "poller once" without percentages.
const firstWindow = 100 * time.Millisecond

// minWindow is the shortest time that shares are worth computing over. Polls that follow
// each other faster, as those of two sources may, are answered with the last shares.
const minWindow = time.Second

// usage turns the ticks of polls into shares of the time between them.
type usage struct {
	read func() (ticks, error)

	mu     sync.Mutex
	since  time.Time // when base was read; zero before the first poll
	base   ticks
	latest shares
}

// shares are percentages from 0 to 100; null until a tick has passed.
type shares struct {
	user, kernel, idle, iowait, busy metering.Volume
	snmpUser, snmpIdle               metering.Volume
}

// next reads the ticks and compares them with those of the previous call. The first call
// reads twice; when ctx ends before it may, the shares are null.
func (u *usage) next(ctx context.Context) (ticks, shares, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now, err := u.read()
	if err != nil {
		return ticks{}, shares{}, err
	}
	if u.since.IsZero() {
		u.since, u.base = time.Now(), now
		wait := time.NewTimer(firstWindow)
		defer wait.Stop()
		select {
		case <-ctx.Done():
			return now, shares{}, nil
		case <-wait.C:
		}
		if now, err = u.read(); err != nil {
			return ticks{}, shares{}, err
		}
	} else if time.Since(u.since) < minWindow && u.latest != (shares{}) {
		return now, u.latest, nil
	}
	if now == u.base {
		return now, shares{}, nil // not a tick has passed: the window stays open
	}
	u.latest = sharesBetween(u.base, now)
	u.since, u.base = time.Now(), now
	return now, u.latest, nil
}

// sharesBetween are the shares of the ticks from a to b, all null when there are none.
func sharesBetween(a, b ticks) shares {
	var (
		user    = grown(a.userMode(), b.userMode())
		kernel  = grown(a.kernelMode(), b.kernelMode())
		idle    = grown(a.idle, b.idle)
		iowait  = grown(a.iowait, b.iowait)
		noticed = user + kernel + idle + iowait
		all     = noticed + grown(a.steal, b.steal)
	)
	return shares{
		user:     percent(user, noticed),
		kernel:   percent(kernel, noticed),
		idle:     percent(idle, noticed),
		iowait:   percent(iowait, noticed),
		busy:     percent(user+kernel+iowait, noticed),
		snmpUser: percent(user, all),
		snmpIdle: percent(idle, all),
	}
}

// grown is b-a, or 0 for a counter that went backwards, which the kernel's idle and
// iowait sometimes do.
func grown(a, b uint64) float64 {
	if b < a {
		return 0
	}
	return float64(b - a)
}

func percent(part, whole float64) metering.Volume {
	if whole == 0 {
		return metering.Volume{}
	}
	return metering.Float(min(100*part/whole, 100))
}
