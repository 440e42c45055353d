package memory

import (
	"context"
	"log/slog"
	"sync"

	"github.com/ringmeter/ringmeter/bus"
)

// topic is one bounded queue. At most one Send puts messages in and at most one Receive
// takes them out at a time: each waits for its turn, so that a large message or a large
// Send cannot be starved by small ones, and so that each signal has one listener.
type topic struct {
	config Config
	log    *slog.Logger
	closed <-chan struct{}

	sending   chan struct{} // holds a token while somebody sends
	receiving chan struct{} // holds a token while somebody receives
	arrived   chan struct{} // holds a token after messages were put in
	freed     chan struct{} // holds a token after messages were taken off

	mu       sync.Mutex
	queue    queue
	counts   TopicStats
	seen     int // how many messages at the head were handed out before
	rejected rejectedList
	settled  chan struct{} // closed at the next acknowledgement; nil while nobody waits for one
}

func newTopic(name string, c Config, closed <-chan struct{}) *topic {
	return &topic{
		config:    c,
		log:       c.Logger.With("topic", name),
		closed:    closed,
		sending:   make(chan struct{}, 1),
		receiving: make(chan struct{}, 1),
		arrived:   make(chan struct{}, 1),
		freed:     make(chan struct{}, 1),
		counts:    TopicStats{Topic: name},
	}
}

// send returns how many of msgs the topic has taken.
func (t *topic) send(ctx context.Context, msgs []bus.Message) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	select {
	case t.sending <- struct{}{}:
	case <-t.closed:
		return 0, bus.ErrClosed
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	defer func() { <-t.sending }()
	sent := 0
	for {
		n, err := t.put(msgs[sent:])
		sent += n
		if n > 0 {
			signal(t.arrived)
		}
		if err != nil || sent == len(msgs) {
			return sent, err
		}
		select {
		case <-t.freed:
		case <-t.closed:
			return sent, bus.ErrClosed
		case <-ctx.Done():
			return sent, ctx.Err()
		}
	}
}

// put takes as many of msgs as there is space for. Whether the bus is closed is asked
// under the same lock under which a receiver finds the topic empty, so that nothing goes
// in after the last receiver has left.
func (t *topic) put(msgs []bus.Message) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isClosed() {
		return 0, bus.ErrClosed
	}
	n := 0
	for n < len(msgs) && t.fits(size(msgs[n])) {
		t.queue.push(msgs[n])
		n++
	}
	t.counts.Sent += uint64(n)
	return n, nil
}

func (t *topic) fits(bytes int64) bool {
	if t.queue.len() == 0 {
		return true
	}
	return t.queue.len() < t.config.MaxMessages && t.queue.bytes+bytes <= t.config.MaxBytes
}

func (t *topic) isClosed() bool {
	select {
	case <-t.closed:
		return true
	default:
		return false
	}
}

// next copies up to limit messages from the head and waits until there are any. They stay
// in the queue. It returns none when ctx ends, or the bus is closed and the topic empty.
func (t *topic) next(ctx context.Context, limit int) []bus.Message {
	for ctx.Err() == nil {
		msgs, drained := t.peek(limit)
		if len(msgs) > 0 || drained {
			return msgs
		}
		select {
		case <-t.arrived:
		case <-t.closed:
		case <-ctx.Done():
		}
	}
	return nil
}

func (t *topic) peek(limit int) (msgs []bus.Message, drained bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := min(limit, t.queue.len())
	t.counts.Redelivered += uint64(min(n, t.seen))
	t.seen = max(t.seen, n)
	t.counts.InFlight = n
	return t.queue.peek(n), n == 0 && t.isClosed()
}

// acknowledge takes the messages of a handled batch off the queue.
func (t *topic) acknowledge(n int, rejected []bus.Rejected) {
	t.mu.Lock()
	t.queue.drop(n)
	t.seen -= n
	t.counts.InFlight = 0
	t.counts.Acknowledged += uint64(n)
	t.counts.Rejected += uint64(len(rejected))
	t.rejected.add(rejected)
	if t.settled != nil {
		close(t.settled)
		t.settled = nil
	}
	t.mu.Unlock()
	signal(t.freed)
}

// settle waits until as many messages are acknowledged as have been sent by now: they are
// taken off in order.
func (t *topic) settle(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for sent := t.counts.Sent; t.counts.Acknowledged < sent; {
		if t.settled == nil {
			t.settled = make(chan struct{})
		}
		settled := t.settled
		t.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
		}
		t.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// putBack says that nobody works on the head of the queue any more.
func (t *topic) putBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.InFlight = 0
}

func (t *topic) stats() TopicStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.counts
	s.Queued = t.queue.len() - s.InFlight
	s.QueuedBytes = t.queue.bytes
	return s
}

// signal leaves a token for the one listener; one that is there already says the same.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
