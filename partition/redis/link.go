package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

var errClosed = errors.New("the coordinator's backend is closed")

// link runs scripts. After a call without an answer it drops its client with all its
// connections: those that are idle have probably lost their server too, and each would
// cost one more call its time before a fresh one is dialled.
type link struct {
	timeout time.Duration
	logger  *slog.Logger
	connect func() goredis.UniversalClient
	turns   chan struct{} // one for each call that may be under way

	mu      sync.Mutex
	current *client // nil until it is needed
	closed  bool
}

// client is in use by calls, and closed by the last of them once it was dropped.
type client struct {
	goredis.UniversalClient
	calls   int
	dropped bool
}

func newLink(calls int, timeout time.Duration, logger *slog.Logger, connect func() goredis.UniversalClient) *link {
	return &link{timeout: timeout, logger: logger, connect: connect, turns: make(chan struct{}, calls)}
}

// run runs a script, once. A script that the server does not know was not run and is sent
// with its text.
func (l *link) run(ctx context.Context, script *goredis.Script, keys []string, args []any) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for one of %d calls to end: %w", cap(l.turns), ctx.Err())
	}
	c, err := l.take()
	if err != nil {
		return nil, err
	}
	values, err := script.Run(ctx, c, keys, args...).Slice()
	l.give(c, answered(err), err)
	return values, err
}

// answered reports whether err leaves the connections as good as they were.
func answered(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return true
	}
	// Who has become a replica answers as well, but is the wrong one to ask.
	_, refused := errors.AsType[goredis.Error](err)
	return refused && !goredis.HasErrorPrefix(err, "READONLY")
}

func (l *link) take() (*client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errClosed
	}
	if l.current == nil {
		l.current = &client{UniversalClient: l.connect()}
	}
	l.current.calls++
	return l.current, nil
}

// give ends a call. What it closes, it closes without the lock: TLS says goodbye first, which
// may take a while.
func (l *link) give(c *client, good bool, err error) {
	if l.release(c, good) {
		c.Close()
	}
	if !good {
		l.logger.Debug("connections to the coordinator dropped", "error", err)
	}
}

// release reports whether c is to be closed.
func (l *link) release(c *client, good bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.calls--
	if !good && l.current == c {
		l.current, c.dropped = nil, true
	}
	return c.dropped && c.calls == 0
}

// close ends all connections at once, those in use as well.
func (l *link) close() {
	l.mu.Lock()
	c := l.current
	l.current, l.closed = nil, true
	l.mu.Unlock()
	if c != nil {
		c.Close()
	}
}
