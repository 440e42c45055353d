package bustest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
)

const (
	senders    = 8
	perSender  = 2000
	largestPut = 20 // messages in one Send
)

// sequences has many senders at once and a handler that fails now and then.
func sequences(t *testing.T, s bus.Sender, r bus.Receiver) {
	c := newCount()
	stop := sendAll(t, s)
	defer stop()
	random := rand.New(rand.NewPCG(1, 2))
	failures := 0
	receiveUntil(t, r, topic, func(_ context.Context, b *bus.Batch) (bool, error) {
		if failures < 5 && random.IntN(20) == 0 { // few, as each costs a pause
			failures++
			return false, errors.New("the sink is away")
		}
		return c.add(t, b.Messages), nil
	})
	c.check(t)
	wantEmpty(t, s, r, topic)
}

// sequencesWithRestarts hands the topic over again and again, in the middle of batches.
func sequencesWithRestarts(t *testing.T, s bus.Sender, r bus.Receiver) {
	c := newCount()
	stop := sendAll(t, s)
	defer stop()
	random := rand.New(rand.NewPCG(3, 4))
	for all := false; !all; {
		receiveUntil(t, r, topic, func(ctx context.Context, b *bus.Batch) (bool, error) {
			if random.IntN(20) == 0 {
				return true, context.Canceled // stopped before it could finish
			}
			all = c.add(t, b.Messages)
			return all || random.IntN(20) == 0, nil // stopped just when it had finished
		})
	}
	c.check(t)
	wantEmpty(t, s, r, topic)
}

// sendAll starts the senders; the result waits for their end.
func sendAll(t *testing.T, s bus.Sender) (wait func()) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(sender), 5))
			for n := 0; n < perSender; {
				var msgs []bus.Message
				for range min(1+random.IntN(largestPut), perSender-n) {
					msgs = append(msgs, bus.Message{ID: fmt.Sprintf("%d/%d", sender, n)})
					n++
				}
				if err := s.Send(ctx, topic, msgs...); err != nil {
					t.Errorf("sender %d: %v", sender, err)
					return
				}
			}
		})
	}
	return func() {
		wg.Wait()
		cancel()
	}
}

// count tells what was acknowledged of each sender's messages, and how often.
type count struct {
	times   [senders][perSender]int
	last    [senders]int // number of each sender's latest message
	missing int
}

func newCount() *count {
	c := &count{missing: senders * perSender}
	for sender := range c.last {
		c.last[sender] = -1
	}
	return c
}

// add notes the messages of a batch that is about to be acknowledged and reports whether
// all are there.
func (c *count) add(t *testing.T, msgs []bus.Message) bool {
	for _, m := range msgs {
		var sender, n int
		if _, err := fmt.Sscanf(m.ID, "%d/%d", &sender, &n); err != nil {
			t.Errorf("reading id %q: %v", m.ID, err)
			continue
		}
		if c.times[sender][n]++; c.times[sender][n] == 1 {
			c.missing--
		}
		if n <= c.last[sender] {
			t.Errorf("message %d of sender %d came after message %d", n, sender, c.last[sender])
		}
		c.last[sender] = n
	}
	return c.missing == 0
}

func (c *count) check(t *testing.T) {
	t.Helper()
	lost, doubled := 0, 0
	for _, times := range c.times {
		for _, n := range times {
			if n == 0 {
				lost++
			} else if n > 1 {
				doubled++
			}
		}
	}
	if lost != 0 || doubled != 0 {
		t.Errorf("%d of %d messages were lost and %d doubled", lost, senders*perSender, doubled)
	}
}
