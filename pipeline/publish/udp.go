package publish

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
)

const (
	collectorPort = "4952" // of udp and tcp, as in Ceilometer
	callTimeout   = 5 * time.Second
	renewSocket   = time.Minute // after which a name is looked up again
)

// udp sends one datagram per sample: msgpack of the message form, signed. What is lost on
// the way is lost; what this host or the other one reports as not delivered is sent again.
type udp struct {
	address string
	signer  *metering.Signer
	conn    *net.UDPConn
	dialed  time.Time
	buf     []byte
}

func readUDP(o *options) opener {
	p := &udp{address: endpoint(o, collectorPort)}
	return func(env Env) (samples, error) {
		if env.Secret != "" {
			p.signer = metering.NewSigner(env.Secret)
		}
		return p, nil
	}
}

// Publish implements pipeline.Publisher. When the other host reports that nobody listens,
// the whole batch counts as undelivered.
func (p *udp) Publish(ctx context.Context, batch []metering.Sample) error {
	if err := p.dial(ctx); err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if err := p.conn.SetWriteDeadline(deadline); err != nil {
		return p.broken(err)
	}
	result := partialError[metering.Sample]{}
	for i := range batch {
		s := batch[i]
		if p.signer != nil {
			p.signer.Sign(&s) // anew even if it is signed: that was another message
		}
		p.buf = s.AppendMsgpack(p.buf[:0], "")
		switch _, err := p.conn.Write(p.buf); {
		case err == nil:
		case errors.Is(err, unix.EMSGSIZE):
			result.refused = append(result.refused, batch[i])
			result.err = fmt.Errorf("sample of %s of %s has %d bytes, too many for a datagram: %w",
				s.Name, s.ResourceID, len(p.buf), unix.EMSGSIZE)
		case errors.Is(err, unix.ECONNREFUSED):
			return p.broken(err)
		default:
			result.retry, result.err = batch[i:], p.broken(err)
			return &result
		}
	}
	if err := p.pending(); err != nil {
		return p.broken(err)
	}
	if result.err != nil {
		return &result
	}
	return nil
}

func (p *udp) dial(ctx context.Context) error {
	if p.conn != nil && time.Since(p.dialed) < renewSocket {
		return nil
	}
	if err := p.Close(); err != nil {
		return fmt.Errorf("closing socket: %w", err)
	}
	conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "udp", p.address)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	p.conn, p.dialed = conn.(*net.UDPConn), time.Now()
	return nil
}

// pending is an error that the other host has reported meanwhile.
func (p *udp) pending() error { return control(p.conn, socketError) }

// socketError takes the error that waits on a socket.
func socketError(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = syscall.Errno(code)
	}
	return err
}

// broken makes the next Publish begin with a new socket.
func (p *udp) broken(err error) error {
	return errors.Join(fmt.Errorf("sending to %s: %w", p.address, err), p.Close())
}

// Close implements io.Closer.
func (p *udp) Close() error {
	if p.conn == nil {
		return nil
	}
	conn := p.conn
	p.conn = nil
	return conn.Close()
}
