package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// statfsTimeout is how long a poll waits for all filesystems together.
	statfsTimeout = 2 * time.Second
	// maxRemote bounds the calls to filesystems without a block device that are under
	// way, and thereby the threads that may hang in the kernel.
	maxRemote = 64
)

var (
	errNoAnswer    = errors.New("the filesystem does not answer")
	errStillAsking = errors.New("the filesystem has not answered an earlier call yet")
)

// statfsCalls asks filesystems for their size. The call cannot be interrupted while a
// server is away, so each runs in a goroutine of its own, which ends when the kernel lets
// it; until then that filesystem is not asked again.
type statfsCalls struct {
	statfs func(path string, buf *unix.Statfs_t) error
	remote chan struct{} // holds an element for each call to a remote filesystem

	mu       sync.Mutex
	underWay map[string]*statfsCall // by path
}

type statfsCall struct {
	done chan struct{} // closed when size and err are there
	size unix.Statfs_t
	err  error
	hung bool // a poll has waited in vain; guarded by mu
}

func newStatfsCalls(statfs func(string, *unix.Statfs_t) error) *statfsCalls {
	return &statfsCalls{
		statfs:   statfs,
		remote:   make(chan struct{}, maxRemote),
		underWay: make(map[string]*statfsCall),
	}
}

type statfsAnswer struct {
	size unix.Statfs_t
	err  error
}

// all asks about all paths at once and returns their answers in the same order, after
// statfsTimeout at the latest.
func (c *statfsCalls) all(ctx context.Context, paths []string, local func(i int) bool) []statfsAnswer {
	ctx, cancel := context.WithTimeoutCause(ctx, statfsTimeout, errNoAnswer)
	defer cancel()
	calls := make([]*statfsCall, len(paths))
	answers := make([]statfsAnswer, len(paths))
	for _, wanted := range []bool{true, false} { // remote ones may have to wait for each other
		for i, path := range paths {
			if local(i) == wanted {
				calls[i], answers[i].err = c.ask(ctx, path, wanted)
			}
		}
	}
	for i, call := range calls {
		if call != nil {
			answers[i] = c.wait(ctx, call)
		}
	}
	return answers
}

// ask starts a call, or joins the one that another poll has just started.
func (c *statfsCalls) ask(ctx context.Context, path string, local bool) (*statfsCall, error) {
	if call, err := c.join(path); call != nil || err != nil {
		return call, err
	}
	release := func() {}
	if !local {
		select {
		case c.remote <- struct{}{}:
			release = func() { <-c.remote }
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	return c.start(path, release), nil
}

// join returns the call that is under way, if any; a hung one is an error.
func (c *statfsCalls) join(path string) (*statfsCall, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call := c.underWay[path]
	if call != nil && call.hung {
		return nil, errStillAsking
	}
	return call, nil
}

// start makes the call and releases when it has returned.
func (c *statfsCalls) start(path string, release func()) *statfsCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	if call := c.underWay[path]; call != nil { // somebody was faster
		release()
		return call
	}
	call := &statfsCall{done: make(chan struct{})}
	c.underWay[path] = call
	go func() {
		call.err = c.statfs(path, &call.size)
		c.mu.Lock()
		delete(c.underWay, path)
		c.mu.Unlock()
		release()
		close(call.done)
	}()
	return call
}

func (c *statfsCalls) wait(ctx context.Context, call *statfsCall) statfsAnswer {
	select {
	case <-call.done:
		return statfsAnswer{call.size, call.err}
	case <-ctx.Done():
	}
	select { // both may be ready
	case <-call.done:
		return statfsAnswer{call.size, call.err}
	default:
	}
	err := context.Cause(ctx)
	if errors.Is(err, errNoAnswer) {
		c.mu.Lock()
		call.hung = true
		c.mu.Unlock()
	}
	return statfsAnswer{err: err}
}
