// Package bustest checks that a bus keeps the promises of package bus.
//
// The suite is for every implementation. It waits for what must happen and never for time
// to pass, except where it must see that a Send waits. It does not check what survives the
// process, nor what happens while a broker is away: those are tests of the implementation.
package bustest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/bus"
)

const (
	patience = time.Minute            // for what must happen
	blocked  = 250 * time.Millisecond // a Send that takes longer counts as waiting for space
	holdsAll = 20_000                 // a bus under test must be full before so many messages
	topic    = "topic"
)

// Run runs the suite. fresh makes the two ends of an empty bus and cleans up after it with
// t.Cleanup. A topic of it must hold at least 10 messages and fewer than 20000 of 100 bytes. A
// sender that has a Close method without arguments is checked for closing and draining too.
func Run(t *testing.T, fresh func(t *testing.T) (bus.Sender, bus.Receiver)) {
	for _, c := range []struct {
		name  string
		check func(*testing.T, bus.Sender, bus.Receiver)
	}{
		{"Order", order},
		{"TopicsAreApart", topicsAreApart},
		{"ErrorBringsTheBatchAgain", errorBringsTheBatchAgain},
		{"PanicIsAnError", panicIsAnError},
		{"CancelKeepsWhatIsNotAcknowledged", cancelKeeps},
		{"NilAfterCancelAcknowledges", nilAfterCancel},
		{"OneHandlerAtATime", oneHandlerAtATime},
		{"Rejected", rejected},
		{"HandlerMayChangeItsBatch", handlerMayChangeItsBatch},
		{"BackPressure", backPressure},
		{"EndedContext", endedContext},
		{"Sequences", sequences},
		{"SequencesWithRestarts", sequencesWithRestarts},
		{"Close", closing},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r := fresh(t)
			c.check(t, s, r)
		})
	}
}

func message(n int) bus.Message {
	return bus.Message{ID: fmt.Sprintf("m%06d", n), Payload: fmt.Appendf(nil, "payload %d", n)}
}

func messages(n int) []bus.Message {
	msgs := make([]bus.Message, n)
	for i := range msgs {
		msgs[i] = message(i)
	}
	return msgs
}

func ids(msgs []bus.Message) []string {
	var all []string
	for _, m := range msgs {
		all = append(all, m.ID)
	}
	return all
}

func mustSend(t *testing.T, s bus.Sender, topic string, msgs ...bus.Message) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Send(ctx, topic, msgs...); err != nil {
		t.Fatalf("sending %d messages: %v", len(msgs), err)
	}
}

// receiveUntil receives a topic with h until h has said that it is enough, and returns
// when Receive has.
func receiveUntil(t *testing.T, r bus.Receiver, topic string, h func(ctx context.Context, b *bus.Batch) (enough bool, err error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	finished := false
	err := r.Receive(ctx, topic, func(ctx context.Context, b *bus.Batch) error {
		if finished {
			return errors.New("called after its context had ended")
		}
		enough, err := h(ctx, b)
		if enough {
			finished = true
			cancel()
		}
		return err
	})
	if err != nil {
		t.Errorf("receiving: error %v, want nil", err)
	}
	if !finished {
		t.Fatalf("not everything had come after %s", patience)
	}
}

// receive takes and acknowledges messages of a topic until it has n.
func receive(t *testing.T, r bus.Receiver, topic string, n int) []bus.Message {
	t.Helper()
	var got []bus.Message
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		if len(b.Messages) == 0 {
			t.Error("the handler got an empty batch")
		}
		got = append(got, b.Messages...)
		return len(got) >= n, nil
	})
	return got
}

func wantMessages(t *testing.T, got, want []bus.Message) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(a, b bus.Message) bool {
		return a.ID == b.ID && string(a.Payload) == string(b.Payload)
	})
	if !same {
		t.Errorf("got %q, want %q", ids(got), ids(want))
	}
}

// wantEmpty sends one more message and expects it to be the only one left.
func wantEmpty(t *testing.T, s bus.Sender, r bus.Receiver, topic string) {
	t.Helper()
	last := bus.Message{ID: "last"}
	mustSend(t, s, topic, last)
	wantMessages(t, receive(t, r, topic, 1), []bus.Message{last})
}
