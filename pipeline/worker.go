package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"unsafe"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
)

// work holds the buffers of one call of Handle.
type work struct {
	all        []metering.Sample   // of all messages
	lanes      [][]metering.Sample // what each lane carries: all, or its part of copies
	copies     [][]metering.Sample
	counts     [][outcomes]int // by route
	rejects    []reject
	unreadable int
}

type reject struct {
	message int
	reason  error
}

// Handle is a bus.Handler for payloads of telemetry.polling. Its nil means that every
// publisher of every matching sink has taken the batch. After an error the messages
// that come again go only to those that have not taken them.
func (p *Pipeline) Handle(ctx context.Context, b *bus.Batch) error {
	if p.taken.any(b.Messages) {
		return p.handleAgain(ctx, b)
	}
	done := p.newProgress()
	rejects, err := p.handle(ctx, b.Messages, done)
	if err != nil {
		for i := range b.Messages {
			p.taken.put(b.Messages[i].ID, done)
		}
		return err
	}
	p.reject(b, rejects)
	return nil
}

// handleAgain is Handle for a batch that has messages in it which some publishers have
// taken already: each message goes its own way.
func (p *Pipeline) handleAgain(ctx context.Context, b *bus.Batch) error {
	var rejects []reject
	for i := range b.Messages {
		done := p.taken.get(b.Messages[i].ID)
		if done == nil {
			done = p.newProgress()
		}
		if !done.finished {
			found, err := p.handle(ctx, b.Messages[i:i+1], done)
			if len(found) > 0 {
				done.rejected = found[0].reason
			}
			done.finished = err == nil
			p.taken.put(b.Messages[i].ID, done)
			if err != nil {
				return err
			}
		}
		if done.rejected != nil {
			rejects = append(rejects, reject{i, done.rejected})
		}
	}
	p.taken.forget(b.Messages)
	p.reject(b, rejects)
	return nil
}

// reject sets messages aside, with a log line when that begins and when it ends.
func (p *Pipeline) reject(b *bus.Batch, rejects []reject) {
	for _, r := range rejects {
		b.Reject(r.message, r.reason)
	}
	p.metrics.rejected.Add(float64(len(rejects)))
	p.mu.Lock()
	defer p.mu.Unlock()
	if bad := len(rejects) > 0; bad != p.rejecting {
		p.rejecting = bad
		if bad {
			p.logger.Warn("messages that cannot be read are set aside", "err", rejects[0].reason)
		} else {
			p.logger.Info("messages can be read again")
		}
	}
}

// handle decodes, matches and publishes, and keeps done up to date.
func (p *Pipeline) handle(ctx context.Context, msgs []bus.Message, done *progress) ([]reject, error) {
	w := p.work.Get().(*work)
	defer p.work.Put(w)
	w.decode(msgs)
	p.route(w)
	if err := p.publish(ctx, w.lanes, done); err != nil {
		return nil, err
	}
	p.metrics.received.Add(float64(len(msgs)))
	p.metrics.unreadable.Add(float64(w.unreadable))
	p.mu.Lock()
	p.routes.count(w.counts)
	p.mu.Unlock()
	var rejects []reject // not w.rejects: the next call has it
	return append(rejects, w.rejects...), nil
}

// decode reads all messages into w.all.
func (w *work) decode(msgs []bus.Message) {
	w.all, w.rejects, w.unreadable = w.all[:0], w.rejects[:0], 0
	for i := range msgs {
		n := len(w.all)
		got, err := metering.DecodeBatch(w.all[n:], text(msgs[i].Payload))
		if n == 0 {
			w.all = got
		} else if len(got) > 0 && n < cap(w.all) && &w.all[:n+1][n] == &got[0] {
			w.all = w.all[:n+len(got)] // there was room behind the others
		} else {
			w.all = append(w.all, got...)
		}
		if err != nil {
			w.rejects = append(w.rejects, reject{i, fmt.Errorf("reading message %q: %w", msgs[i].ID, err)})
			w.unreadable += faults(err)
		}
	}
}

// text is a payload as a string, without a copy: nobody writes to what has been sent.
func text(payload []byte) string { return unsafe.String(unsafe.SliceData(payload), len(payload)) }

// faults counts what is joined in err.
func faults(err error) int {
	n := 1
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		n = 0
		for _, each := range joined.Unwrap() {
			n += faults(each)
		}
	} else if several, ok := err.(interface{ Count() int }); ok {
		n = several.Count()
	}
	return n
}

// publish serves the outlets side by side and waits for all.
func (p *Pipeline) publish(ctx context.Context, lanes [][]metering.Sample, done *progress) error {
	if len(p.outlets) == 1 {
		return p.outlets[0].publish(ctx, lanes, done.feeds[0])
	}
	errs := make([]error, len(p.outlets))
	var wg sync.WaitGroup
	for i := range p.outlets {
		wg.Go(func() { errs[i] = p.outlets[i].publish(ctx, lanes, done.feeds[i]) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
