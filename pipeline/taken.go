package pipeline

import (
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/bus"
)

// maxTaken bounds the messages that are remembered as published in part. Beyond it a
// message that comes again goes to every publisher again.
const maxTaken = 4096

// progress says which publishers have taken a message.
type progress struct {
	feeds    [][]bool // by outlet and feed
	finished bool     // all have
	rejected error    // why the message is set aside, known when it is finished
}

func (p *Pipeline) newProgress() *progress {
	done := &progress{feeds: make([][]bool, len(p.outlets))}
	for i := range p.outlets {
		done.feeds[i] = make([]bool, len(p.outlets[i].feeds))
	}
	return done
}

// taken remembers, between a failed call of Handle and its repetition, what of it must
// not be repeated. It is empty as long as nothing fails.
type taken struct {
	mu   sync.Mutex
	byID map[string]*progress
}

// any reports whether one of the messages is known.
func (t *taken) any(msgs []bus.Message) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byID) > 0 && slices.ContainsFunc(msgs, func(m bus.Message) bool { return t.byID[m.ID] != nil })
}

// get is a copy of what is known of a message, nil for nothing.
func (t *taken) get(id string) *progress {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.byID[id]
	if found == nil {
		return nil
	}
	done := *found
	done.feeds = make([][]bool, len(found.feeds))
	for i := range found.feeds {
		done.feeds[i] = slices.Clone(found.feeds[i])
	}
	return &done
}

func (t *taken) put(id string, done *progress) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[string]*progress{}
	}
	if _, known := t.byID[id]; id != "" && (known || len(t.byID) < maxTaken) {
		t.byID[id] = done
	}
}

func (t *taken) forget(msgs []bus.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range msgs {
		delete(t.byID, msgs[i].ID)
	}
}
