// Package bus moves messages from where they are made to where they are used, and says
// when they are safe.
//
// A [Sender] puts messages on a topic, a [Receiver] hands the messages of one topic to a
// [Handler] in batches:
//
//	err := sender.Send(ctx, "samples", bus.Message{ID: id, Payload: payload})
//
//	err := receiver.Receive(ctx, "samples", func(ctx context.Context, b *bus.Batch) error {
//		for i, m := range b.Messages {
//			item, err := decode(m.Payload)
//			if err != nil {
//				b.Reject(i, err) // will never work: set aside, the rest goes on
//				continue
//			}
//			…
//		}
//		return publish(ctx, items) // nil acknowledges the whole batch
//	})
//
// # What order a handler sees
//
// Messages of one topic arrive in the order in which the bus took them. Those of one Send
// stay in their order, and so do those of consecutive Sends of one goroutine; what several
// goroutines send at once is ordered as the bus took it. A batch that failed comes again
// before anything behind it. There is at most one call of a handler per topic at any
// moment; a second Receive of the same topic waits until the first has returned. Topics
// know nothing of each other: neither their order nor their pauses are shared.
//
// # Who pays for slowness
//
// Every topic is bounded. While it is full, Send waits, so a slow handler slows its own
// topic's senders and nobody else. Nothing is ever dropped to make room. A sender that
// must not wait gives Send a context with a deadline. A handler that sends to the topic it
// receives from would, once that is full, wait for itself.
//
// # When a message is safe
//
// When Send has returned nil, the bus answers for the messages, in the way the driver
// does: on a broker until they are acknowledged, in memory until the process ends. When
// Send returns an error, a part of the messages, always the first ones, may have been
// taken nevertheless. Whoever sends them again sends equal IDs, and the receiving side
// recognises doubles by them.
//
// A message leaves the bus when a handler has returned nil for its batch, not before. An
// error, a panic (which counts as an error) or the end of the process brings the batch
// again, so every message reaches a handler at least once; it comes more than once only
// after a failure. When the context of Receive ends, a handler that is running may finish:
// its nil still acknowledges, its error leaves the messages on the bus for the next
// Receive.
//
// A handler sets a message aside with [Batch.Reject] when no repetition will help. Such a
// message is acknowledged with its batch and kept, within bounds, with the reason.
//
// # What a crash loses
//
// With the in-memory bus: everything that was not handled, and the list of rejected
// messages. With a broker: nothing that was sent and not acknowledged.
//
// # What it does not do
//
// The bus does not look into payloads, remove doubles, or keep messages for later readers:
// a topic has one reading side.
package bus
