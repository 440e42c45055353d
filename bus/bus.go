package bus

import (
	"context"
	"errors"
)

// ErrClosed is returned once a bus takes no more messages.
var ErrClosed = errors.New("bus is closed")

// Message is one message; its payload is bytes to the bus.
type Message struct {
	ID      string // unique; equal for a message that is sent again
	Payload []byte // read-only once sent
}

// Sender puts messages on a topic.
type Sender interface {
	// Send returns nil only after the bus has taken responsibility for all msgs. It waits
	// while the bus is full (back-pressure) until ctx ends.
	Send(ctx context.Context, topic string, msgs ...Message) error
}

// Receiver takes messages off a topic.
type Receiver interface {
	// Receive runs until ctx ends (then it returns nil) or the bus is closed and drained.
	// It calls h for one batch of a topic at a time, in order; h's nil acknowledges the
	// batch, an error makes it come again after a pause.
	Receive(ctx context.Context, topic string, h Handler) error
}

// Handler works on one batch.
type Handler func(ctx context.Context, b *Batch) error

// Batch is what a Handler gets.
type Batch struct {
	Messages []Message
	rejected []Rejected
}

// Rejected is a message that its handler could not use.
type Rejected struct {
	Message Message
	Reason  error
}

// Reject sets message i aside: it is acknowledged with the batch but kept, with the
// reason, where an operator finds it.
func (b *Batch) Reject(i int, reason error) {
	b.rejected = append(b.rejected, Rejected{b.Messages[i], reason})
}

// Rejected lists what was set aside.
func (b *Batch) Rejected() []Rejected { return b.rejected }
