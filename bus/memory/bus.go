// Package memory is a bus inside one process.
//
// It keeps the order, the back-pressure and the acknowledgements of package bus, and
// holds its messages nowhere but in memory: when the process ends, what has not been
// handled is gone. Close followed by the end of Receive loses nothing. It starts no
// goroutines; a handler runs in the goroutine that called Receive.
package memory

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/bus"
)

// Config bounds a Bus. A field that is not above zero takes its default.
type Config struct {
	MaxMessages int          // per topic, handed out or waiting; default 10000
	MaxBytes    int64        // per topic, of IDs and payloads; default 64 MiB
	MaxBatch    int          // messages per call of a handler; default 100
	Logger      *slog.Logger // told when a topic's handler begins to fail and when it works again; default none
}

func (c Config) withDefaults() Config {
	if c.MaxMessages <= 0 {
		c.MaxMessages = 10_000
	}
	if c.MaxBytes <= 0 {
		c.MaxBytes = 64 << 20
	}
	if c.MaxBatch <= 0 {
		c.MaxBatch = 100
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Bus is a Sender and a Receiver for any number of topics. A topic comes into being when
// it is first sent to or received from, and stays.
type Bus struct {
	config Config
	closed chan struct{}
	close  sync.Once

	mu     sync.RWMutex
	topics map[string]*topic
}

var (
	_ bus.Sender   = (*Bus)(nil)
	_ bus.Receiver = (*Bus)(nil)
)

// New makes an empty bus.
func New(c Config) *Bus {
	return &Bus{config: c.withDefaults(), closed: make(chan struct{}), topics: map[string]*topic{}}
}

// Send puts msgs on a topic and waits while it is full. Messages that do not fit together
// go in one after the other as space appears, with no other sender's between them. One
// message that is larger than the whole topic may be is taken when the topic is empty.
//
// It returns bus.ErrClosed after Close, and the context's error when ctx ends; the first
// of msgs may have been taken then.
func (b *Bus) Send(ctx context.Context, topic string, msgs ...bus.Message) error {
	sent, err := b.topic(topic).send(ctx, msgs)
	if err != nil {
		return fmt.Errorf("sending %d messages to topic %q (%d taken): %w", len(msgs), topic, sent, err)
	}
	return nil
}

// Settled waits until all that has been sent to a topic by now is acknowledged, rejected
// messages included, or until ctx ends, whose error it returns then.
func (b *Bus) Settled(ctx context.Context, topic string) error {
	if err := b.topic(topic).settle(ctx); err != nil {
		return fmt.Errorf("waiting until topic %q is acknowledged: %w", topic, err)
	}
	return nil
}

// Receive hands the messages of a topic to h until ctx ends, or until the bus is closed
// and everything on the topic has been handled; then it returns nil, and never an error.
func (b *Bus) Receive(ctx context.Context, topic string, h bus.Handler) error {
	b.topic(topic).receive(ctx, h)
	return nil
}

// Close refuses messages from now on, those of waiting senders included. What is on the
// bus stays there for Receive, which returns once it is handled.
func (b *Bus) Close() { b.close.Do(func() { close(b.closed) }) }

// Rejected lists the messages of a topic that its handler set aside, the oldest first: the
// last 100, and fewer if they are large; one of more than 1 MiB is without its payload.
// TopicStats.Rejected counts all.
func (b *Bus) Rejected(topic string) []bus.Rejected {
	t := b.find(topic)
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.rejected.list)
}

// TopicStats is what happened on one topic. The last four count messages from the start.
type TopicStats struct {
	Topic        string
	Queued       int    // messages that wait for a handler
	QueuedBytes  int64  // bytes of all messages on the topic, in flight or waiting
	InFlight     int    // messages in the hands of a handler
	Sent         uint64 // taken from senders
	Acknowledged uint64 // off the bus, rejected ones included
	Rejected     uint64 // set aside by the handler
	Redelivered  uint64 // handed out again after a failure
}

// Stats lists all topics, sorted by name.
func (b *Bus) Stats() []TopicStats {
	b.mu.RLock()
	defer b.mu.RUnlock()
	all := make([]TopicStats, 0, len(b.topics))
	for _, t := range b.topics {
		all = append(all, t.stats())
	}
	slices.SortFunc(all, func(x, y TopicStats) int { return cmp.Compare(x.Topic, y.Topic) })
	return all
}

func (b *Bus) find(name string) *topic {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.topics[name]
}

func (b *Bus) topic(name string) *topic {
	if t := b.find(name); t != nil {
		return t
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.topics[name]
	if t == nil {
		t = newTopic(name, b.config, b.closed)
		b.topics[name] = t
	}
	return t
}
