package bustest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
)

func order(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(10)
	mustSend(t, s, topic, sent[0])
	mustSend(t, s, topic)
	mustSend(t, s, topic, sent[1:5]...)
	mustSend(t, s, topic, sent[5:]...)
	wantMessages(t, receive(t, r, topic, len(sent)), sent)
	wantEmpty(t, s, r, topic)
}

func topicsAreApart(t *testing.T, s bus.Sender, r bus.Receiver) {
	mustSend(t, s, "slow", message(1))
	mustSend(t, s, "fast", message(2), message(3))
	receiveUntil(t, r, "slow", func(_ context.Context, b *bus.Batch) (bool, error) {
		wantMessages(t, b.Messages, messages(2)[1:])
		wantMessages(t, receive(t, r, "fast", 2), messages(4)[2:]) // while this one waits
		return true, nil
	})
}

func errorBringsTheBatchAgain(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(9)
	mustSend(t, s, topic, sent...)
	var failed, got []bus.Message
	calls := 0
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		calls++
		switch calls {
		case 1:
			failed = b.Messages
			return false, errors.New("the sink is away")
		case 2:
			wantMessages(t, b.Messages, failed)
			return false, errors.New("the sink is still away")
		case 3:
			wantMessages(t, b.Messages, failed)
		}
		got = append(got, b.Messages...)
		return len(got) >= len(sent), nil
	})
	wantMessages(t, got, sent)
	wantEmpty(t, s, r, topic)
}

func panicIsAnError(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(3)
	mustSend(t, s, topic, sent...)
	var got []bus.Message
	panicked := false
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		if !panicked {
			panicked = true
			_ = b.Messages[len(b.Messages)] // as a broken handler does
		}
		got = append(got, b.Messages...)
		return len(got) >= len(sent), nil
	})
	wantMessages(t, got, sent)
}

func cancelKeeps(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(8)
	mustSend(t, s, topic, sent...)
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		err := r.Receive(ctx, topic, func(ctx context.Context, b *bus.Batch) error {
			if b.Messages[0].ID != sent[0].ID {
				t.Errorf("the first message is %s, want %s", b.Messages[0].ID, sent[0].ID)
			}
			cancel()
			<-ctx.Done() // the end of Receive's context is the handler's too
			return ctx.Err()
		})
		if err != nil {
			t.Errorf("receiving: error %v, want nil", err)
		}
		cancel()
	}
	wantMessages(t, receive(t, r, topic, len(sent)), sent)
	wantEmpty(t, s, r, topic)
}

func nilAfterCancel(t *testing.T, s bus.Sender, r bus.Receiver) {
	mustSend(t, s, topic, message(1))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := r.Receive(ctx, topic, func(context.Context, *bus.Batch) error {
		cancel()
		return nil // it was too late to stop: the work is done
	})
	if err != nil {
		t.Errorf("receiving: error %v, want nil", err)
	}
	wantEmpty(t, s, r, topic)
}

func oneHandlerAtATime(t *testing.T, s bus.Sender, r bus.Receiver) {
	const sent = 2000
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var (
		wg           sync.WaitGroup
		running, got atomic.Int64
	)
	for range 3 {
		wg.Go(func() {
			err := r.Receive(ctx, topic, func(_ context.Context, b *bus.Batch) error {
				if n := running.Add(1); n > 1 {
					t.Errorf("%d handlers of one topic run at once", n)
				}
				defer running.Add(-1)
				if got.Add(int64(len(b.Messages))) >= sent {
					cancel()
				}
				return nil
			})
			if err != nil {
				t.Errorf("receiving: error %v, want nil", err)
			}
		})
	}
	for _, m := range messages(sent) {
		mustSend(t, s, topic, m)
	}
	wg.Wait()
	if n := got.Load(); n != sent {
		t.Errorf("got %d messages, want %d", n, sent)
	}
}

func rejected(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(6)
	mustSend(t, s, topic, sent...)
	var got []bus.Message
	failed := false
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		if n := len(b.Rejected()); n != 0 {
			t.Errorf("a batch comes with %d messages rejected", n)
		}
		for i := range b.Messages {
			if i%2 == 0 {
				b.Reject(i, errors.New("not a sample"))
			}
		}
		if !failed { // rejections of a failed batch do not count: all of it comes again
			failed = true
			return false, errors.New("the sink is away")
		}
		got = append(got, b.Messages...)
		return len(got) >= len(sent), nil
	})
	wantMessages(t, got, sent)
	wantEmpty(t, s, r, topic)
}

func handlerMayChangeItsBatch(t *testing.T, s bus.Sender, r bus.Receiver) {
	sent := messages(4)
	mustSend(t, s, topic, sent...)
	var got []bus.Message
	failed := false
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		if !failed {
			failed = true
			clear(b.Messages)
			return false, errors.New("the sink is away")
		}
		got = append(got, b.Messages...)
		return len(got) >= len(sent), nil
	})
	wantMessages(t, got, sent)
}
