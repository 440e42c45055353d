package pollster

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
)

var errExited = errors.New("the pollster ended its goroutine")

// poll is one call of a Pollster, on a goroutine of its own that ends when the pollster
// does. Whole batches come out of full; it is closed at the end.
type poll struct {
	routes *routes
	cycle  int64
	stamp  string // the samples' timestamp
	source string // and origin
	size   int    // of a batch
	pool   *sync.Pool
	hangs  func(bool)                     // called when it is abandoned and when it returns after all
	failed func(err error, panicked bool) // called for each error

	full chan *batch
	quit chan struct{} // closed when nobody takes batches any more

	mu      sync.Mutex // guards what follows; held while the goroutine waits for full
	batch   *batch
	ended   bool // the pollster has returned; batch is no longer its own
	closed  bool // it was abandoned before
	repeats *repeats
	result  result
}

// result is what a poll came to. A collision of two hashes in repeats makes an id
// different, never equal to another.
type result struct {
	samples   int // yielded and wanted
	invalid   int
	errs      int
	first     error // of errs
	lasting   int   // those of errs that are permanent
	permanent []discovery.Resource
	panicked  bool
	stuck     bool
}

func (p *poll) run(ctx context.Context, pollster Pollster, rs []discovery.Resource) {
	defer p.end()
	finished := false
	defer func() {
		if r := recover(); r != nil {
			p.fail(fmt.Errorf("polling: panic: %v\n%s", r, debug.Stack()), true)
		} else if !finished {
			p.fail(errExited, true)
		}
	}()
	pollster.Poll(ctx, rs)(func(s metering.Sample, err error) bool {
		if ctx.Err() != nil && err != nil {
			return false // the end of the cycle, told as an error
		}
		return p.take(&s, err) && ctx.Err() == nil
	})
	finished = true
}

// take accepts one step of the sequence and reports whether there may be another.
func (p *poll) take(s *metering.Sample, err error) bool {
	if err != nil {
		return p.fail(err, false)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.ended {
		return false
	}
	to := p.routes.find(s.Name)
	switch {
	case to == nil:
		p.result.invalid++
		return p.failLocked(fmt.Errorf("sample of resource %q: the pollster lists no meter %q", s.ResourceID, s.Name), false)
	case s.Type < metering.Gauge || s.Type > metering.Delta:
		p.result.invalid++
		return p.failLocked(fmt.Errorf("sample of resource %q: meter %q without a type", s.ResourceID, s.Name), false)
	case !to.wanted:
		return true
	}
	hash := to.hash
	if to == p.routes.other {
		hash = xxhash.Sum64String(s.Name)
	}
	hash += 31 * xxhash.Sum64String(s.ResourceID) // not symmetric in the two
	n := p.repeats.next(hash)

	s.Timestamp, s.Source = p.stamp, p.source
	s.ID = metering.SampleID(to.source, s.ResourceID, s.Name, p.cycle, n)
	p.result.samples++
	p.batch.add(s, to.counts)
	return len(p.batch.samples) < p.size || p.hand()
}

// hand passes the batch on and starts another; false if nobody takes it. p.mu is held.
func (p *poll) hand() bool {
	select {
	case p.full <- p.batch:
		p.batch = p.pool.Get().(*batch)
		return true
	case <-p.quit:
		return false
	}
}

func (p *poll) fail(err error, panicked bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.failLocked(err, panicked)
}

func (p *poll) failLocked(err error, panicked bool) bool {
	if p.closed || p.ended {
		return false
	}
	p.result.panicked = p.result.panicked || panicked
	if p.result.errs++; p.result.first == nil {
		p.result.first = err
	}
	if permanent, ok := errors.AsType[*PermanentError](err); ok {
		p.result.lasting++
		p.result.permanent = append(p.result.permanent, permanent.Resources...)
	}
	p.failed(err, panicked)
	return true
}

// end hands over what is left.
func (p *poll) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	if p.closed {
		p.hangs(false)
	} else if len(p.batch.samples) > 0 {
		p.hand()
	}
	close(p.full)
}

// abandon ends the poll for its caller whether or not the pollster has returned. It
// returns the batches that were yielded before and not taken yet.
func (p *poll) abandon() []*batch {
	close(p.quit) // the goroutine holds the lock while it waits for full
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []*batch
	select {
	case b, open := <-p.full:
		if open {
			rest = append(rest, b)
		}
	default:
	}
	if len(p.batch.samples) > 0 {
		rest = append(rest, p.batch)
		p.batch = p.pool.Get().(*batch)
	}
	if !p.ended {
		p.closed, p.result.stuck = true, true
		p.hangs(true)
	}
	return rest
}

// outcome names how the poll went, for metrics. ctx is the one it was run with.
func (r *result) outcome(ctx context.Context) string {
	switch {
	case r.stuck:
		return "stuck"
	case r.panicked:
		return "panic"
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "timeout"
	case ctx.Err() != nil:
		return "canceled"
	case r.errs > 0:
		return "error"
	}
	return "ok"
}

// outlast is ctx with a reprieve: it ends d after ctx does.
func outlast(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return outlastUnless(ctx, d, nil)
}

// outlastUnless gives no reprieve when ctx has ended because of a certain error.
func outlastUnless(ctx context.Context, d time.Duration, but error) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if but != nil && errors.Is(context.Cause(ctx), but) {
			cancel()
			return
		}
		timer := time.AfterFunc(d, cancel)
		context.AfterFunc(out, func() { timer.Stop() })
	})
	return out, func() { stop(); cancel() }
}
