package testlab

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy passes connections on to a server, until it is told to fall silent: then it still
// accepts them, keeps them and passes nothing on, as a broken network does.
type Proxy struct {
	listener net.Listener
	target   string
	accepted atomic.Int64

	mu     sync.Mutex
	silent bool
	conns  map[net.Conn]struct{}
	wg     sync.WaitGroup
}

// StartProxy passes on to HOST:PORT until the test ends.
func StartProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // asks nobody
	if err != nil {
		t.Fatalf("starting a proxy: %v", err)
	}
	p := &Proxy{listener: l, target: target, conns: map[net.Conn]struct{}{}}
	ctx, cancel := context.WithCancel(context.Background())
	p.wg.Go(func() { p.accept(ctx) })
	t.Cleanup(func() {
		cancel()
		l.Close()
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Addr is HOST:PORT of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// AwaitAccepted waits until n connections were made since the start.
func (p *Proxy) AwaitAccepted(t testing.TB, n int) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for p.accepted.Load() < int64(n) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waiting for %d connections to the proxy: there are %d after %v", n, p.accepted.Load(), patience)
		}
	}
}

// Silence passes nothing more on. Connections that were made before or meanwhile stay
// silent after Resume as well.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = true
}

// Resume passes on again what comes on new connections.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent = false
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.accepted.Add(1)
		if p.keep(near) { // silently
			continue
		}
		far, err := new(net.Dialer).DialContext(ctx, "tcp", p.target)
		if err != nil {
			near.Close()
			continue
		}
		p.keep(far)
		p.wg.Go(func() { p.pass(near, far) })
		p.wg.Go(func() { p.pass(far, near) })
	}
}

// keep remembers a connection, to close it, and reports whether nothing is passed on now.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	return p.silent
}

// pass copies until either end closes, or until something comes while all is silent: from
// then on the connection is lost and does not say so.
func (p *Proxy) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		silent := p.silent
		p.mu.Unlock()
		if silent && err == nil {
			_, _ = io.Copy(io.Discard, from) // until it is closed
			return
		}
		if _, write := to.Write(buffer[:n]); err != nil || write != nil {
			from.Close()
			to.Close()
			return
		}
	}
}
