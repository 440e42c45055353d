package memory

import "github.com/ringmeter/ringmeter/bus"

// queue is a first-in, first-out list that grows as needed and reuses its space.
type queue struct {
	ring  []bus.Message // its length is zero or a power of two
	head  int           // where the oldest message is
	used  int
	bytes int64
}

func size(m bus.Message) int64 { return int64(len(m.ID) + len(m.Payload)) }

func (q *queue) len() int { return q.used }

func (q *queue) push(m bus.Message) {
	if q.used == len(q.ring) {
		larger := make([]bus.Message, max(16, 2*len(q.ring)))
		q.copyTo(larger, q.used)
		q.ring, q.head = larger, 0
	}
	q.ring[(q.head+q.used)&(len(q.ring)-1)] = m
	q.used++
	q.bytes += size(m)
}

// peek copies the n oldest messages, which stay: what a handler does to its batch must
// not show in the next attempt.
func (q *queue) peek(n int) []bus.Message {
	if n == 0 {
		return nil
	}
	msgs := make([]bus.Message, n)
	q.copyTo(msgs, n)
	return msgs
}

// drop forgets the n oldest messages, and so lets go of their payloads.
func (q *queue) drop(n int) {
	for range n {
		q.bytes -= size(q.ring[q.head])
		q.ring[q.head] = bus.Message{}
		q.head = (q.head + 1) & (len(q.ring) - 1)
	}
	q.used -= n
}

func (q *queue) copyTo(to []bus.Message, n int) {
	first := copy(to[:n], q.ring[q.head:])
	copy(to[first:n], q.ring)
}
