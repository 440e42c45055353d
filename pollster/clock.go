package pollster

import (
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// clock is the group's clock once a group is joined, and the wall clock before.
type clock struct {
	groups *Groups
	names  []string // of the groups, in the order of preference
	wall   func() time.Time
}

// now is the time without a monotonic reading, and whose it is; nil for the wall clock.
func (c *clock) now() (time.Time, partition.Membership) {
	if len(c.names) > 0 {
		if m := c.groups.clock(c.names); m != nil {
			return m.Now(), m
		}
	}
	return c.wall().Round(0), nil
}
