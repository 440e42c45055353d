package worker

import "time"

// keptReadings is how many heartbeats the clock remembers: few enough that the drift
// between two computers does not count.
const keptReadings = 8

// clock is the coordinator's clock as seen from here. Setting the local one does not move it.
type clock struct{ readings []reading }

// reading is what the coordinator's clock said at a local moment, give or take half the
// time of the request.
type reading struct {
	at    time.Time // local, with its monotonic part
	group time.Time
	took  time.Duration
}

// read adds an answer, in milliseconds since 1970, to a request.
func (c *clock) read(sent, received time.Time, millis int64) {
	took := received.Sub(sent)
	c.readings = append(c.readings, reading{sent.Add(took / 2), time.UnixMilli(millis), took})
	if len(c.readings) > keptReadings {
		c.readings = c.readings[1:]
	}
	// The coordinator's clock was set, or another computer has taken over: old readings
	// would drag the time back and forth.
	last := c.readings[len(c.readings)-1]
	if off := c.now(last.at).Sub(last.group); off > last.took+time.Second || off < -last.took-time.Second {
		c.readings = c.readings[len(c.readings)-1:]
	}
}

// set adds an answer that makes all before it wrong.
func (c *clock) set(sent, received time.Time, millis int64) {
	c.readings = nil
	c.read(sent, received, millis)
}

func (c *clock) known() bool { return len(c.readings) > 0 }

// best is the reading that is known most exactly.
func (c *clock) best() reading {
	best := c.readings[0]
	for _, r := range c.readings[1:] {
		if r.took <= best.took {
			best = r
		}
	}
	return best
}

// now is the coordinator's time at a local one.
func (c *clock) now(local time.Time) time.Time {
	b := c.best()
	return b.group.Add(local.Sub(b.at)).Round(0)
}
