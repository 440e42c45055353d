package redis

import (
	"fmt"
	"log/slog"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"github.com/ringmeter/ringmeter/partition/steps"
)

const (
	// defaultTimeout bounds one call.
	defaultTimeout = 2 * time.Second
	// defaultLease is how long a lease is at a site that configures none.
	defaultLease = 15 * time.Second
	// How many calls may be under way at once. More wait for their turn, within their time.
	beatCalls, otherCalls = 4, 16
)

// Options are what a URL does not say.
type Options struct {
	Timeout time.Duration // of one call, unless the URL has socket_timeout; 0 for 2 s
	Logger  *slog.Logger  // nil for none
}

// Backend is a Redis service at which groups meet. It serves any number of goroutines.
type Backend struct {
	scripts   scripts
	namespace string
	ttl       time.Duration
	place     string
	beats     *link // of its own, so that a heartbeat never waits for other calls
	others    *link
}

// Open reads a URL, see the package, and the files it names. Nothing is dialled before
// the first step. Errors are without secrets.
func Open(rawURL string, o Options) (*Backend, error) {
	c, err := parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("reading the coordinator's URL: %w", err)
	}
	d, err := newDialer(c)
	if err != nil {
		return nil, fmt.Errorf("reading the coordinator's URL: %w", err)
	}
	all, err := newScripts()
	if err != nil {
		return nil, err
	}
	if c.callTimeout == 0 {
		c.callTimeout = o.Timeout
	}
	if c.callTimeout <= 0 {
		c.callTimeout = defaultTimeout
	}
	lease := c.lease
	if lease == 0 {
		lease = defaultLease
	}
	c.callTimeout = min(c.callTimeout, lease/3)
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	logging.Disable() // of the client library: what it writes to standard error, it returns as errors too
	b := &Backend{scripts: all, namespace: c.namespace, ttl: c.lease, place: c.String()}
	logger = logger.With("coordinator", b.place)
	fresh := func() goredis.UniversalClient { return connect(c, d) }
	b.beats = newLink(beatCalls, c.callTimeout, logger, fresh)
	b.others = newLink(otherCalls, c.callTimeout, logger, fresh)
	return b, nil
}

// Group is where members of that name meet. It is made without asking anybody.
func (b *Backend) Group(name string) steps.Store { return newStore(b, name) }

// TTL is the lease that the URL asks for, 0 when it does not.
func (b *Backend) TTL() time.Duration { return b.ttl }

// String is the place of the service, without user and password.
func (b *Backend) String() string { return b.place }

// Close ends all connections. What is under way and all later steps fail.
func (b *Backend) Close() error {
	b.beats.close()
	b.others.close()
	return nil
}
