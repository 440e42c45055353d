package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
)

// backPressure fills a topic until a Send waits. What was taken must all come, and the
// waiting message must go in once there is space.
func backPressure(t *testing.T, s bus.Sender, r bus.Receiver) {
	padding := []byte(strings.Repeat("x", 100))
	taken := 0
	unsure := "" // the one whose Send was given up
	for unsure == "" {
		if taken == holdsAll {
			t.Fatalf("took %d messages that nobody receives: not bounded, or not for a test", taken)
		}
		m := message(taken)
		m.Payload = padding
		ctx, cancel := context.WithTimeout(t.Context(), blocked)
		err := s.Send(ctx, topic, m)
		cancel()
		switch {
		case err == nil:
			taken++
		case errors.Is(err, context.DeadlineExceeded):
			unsure = m.ID
		default:
			t.Fatalf("sending to a full topic: error %v, want the context's", err)
		}
	}

	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { // waits until the receiver below makes space
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		if err := s.Send(ctx, topic, bus.Message{ID: "end"}); err != nil {
			t.Errorf("sending to a topic that is received from: %v", err)
		}
	})
	next := 0
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		for _, m := range b.Messages {
			switch {
			case m.ID == "end":
				return true, nil
			case m.ID == unsure:
			case m.ID != message(next).ID:
				return true, fmt.Errorf("got %s, want %s", m.ID, message(next).ID)
			default:
				next++
			}
		}
		return false, nil
	})
	if next != taken {
		t.Errorf("got %d messages, want the %d that were taken", next, taken)
	}
}

func endedContext(t *testing.T, s bus.Sender, r bus.Receiver) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Send(ended, topic, message(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("sending: error %v, want the context's", err)
	}
	mustSend(t, s, topic, message(2))
	err := r.Receive(ended, topic, func(context.Context, *bus.Batch) error {
		t.Error("the handler was called")
		return nil
	})
	if err != nil {
		t.Errorf("receiving: error %v, want nil", err)
	}
	wantMessages(t, receive(t, r, topic, 1), messages(3)[2:])
}

// closing is for buses that can be closed: nothing goes in, and what is in comes out.
func closing(t *testing.T, s bus.Sender, r bus.Receiver) {
	c, ok := s.(interface{ Close() })
	if !ok {
		return
	}
	sent := messages(10)
	mustSend(t, s, topic, sent...)
	c.Close()
	c.Close() // a second one does nothing
	for _, to := range []string{topic, "new"} {
		if err := s.Send(t.Context(), to, message(11)); !errors.Is(err, bus.ErrClosed) {
			t.Errorf("sending to %s: error %v, want ErrClosed", to, err)
		}
	}
	var got []bus.Message
	failed := false
	err := r.Receive(t.Context(), topic, func(_ context.Context, b *bus.Batch) error {
		if !failed { // a failure does not shorten what is drained
			failed = true
			return errors.New("the sink is away")
		}
		got = append(got, b.Messages...)
		return nil
	})
	if err != nil {
		t.Errorf("receiving: error %v, want nil", err)
	}
	wantMessages(t, got, sent)
	for _, from := range []string{topic, "new"} {
		err := r.Receive(t.Context(), from, func(context.Context, *bus.Batch) error {
			t.Errorf("%s: the handler was called after everything had been drained", from)
			return nil
		})
		if err != nil {
			t.Errorf("receiving from %s: error %v, want nil", from, err)
		}
	}
}
