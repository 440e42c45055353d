package memory

import (
	"slices"

	"github.com/ringmeter/ringmeter/bus"
)

// Bounds of the rejected messages that are kept per topic: enough to see what is wrong.
const (
	keptRejected      = 100
	keptRejectedBytes = 1 << 20
)

// rejectedList holds the latest rejected messages of a topic, the oldest first.
type rejectedList struct {
	list  []bus.Rejected
	bytes int64
}

// add keeps the last of rs in place of older ones. A single message larger than the bound
// is kept without its payload, so that the reason is seen in any case.
func (l *rejectedList) add(rs []bus.Rejected) {
	for _, r := range rs {
		if size(r.Message) > keptRejectedBytes {
			r.Message.Payload = nil
		}
		l.list = append(l.list, r)
		l.bytes += size(r.Message)
		drop := 0
		for len(l.list)-drop > keptRejected || l.bytes > keptRejectedBytes {
			l.bytes -= size(l.list[drop].Message)
			drop++
		}
		l.list = slices.Delete(l.list, 0, drop)
	}
}
