package publish

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
)

// tcp sends samples over one connection: the length as 8 bytes, little-endian, then
// msgpack of the message form with this host as publisher_id. There is no answer in this
// protocol, so a batch counts as delivered when the other host's kernel has acknowledged
// all of its bytes; after a broken connection the whole batch is sent again.
type tcp struct {
	address string
	host    string
	signer  *metering.Signer
	conn    *net.TCPConn
	buf     []byte
}

func readTCP(o *options) opener {
	p := &tcp{address: endpoint(o, collectorPort)}
	return func(env Env) (samples, error) {
		p.host = env.Host
		if env.Secret != "" {
			p.signer = metering.NewSigner(env.Secret)
		}
		return p, nil
	}
}

// Publish implements pipeline.Publisher. It connects anew once, so that a connection
// that was closed while idle is no failure.
func (p *tcp) Publish(ctx context.Context, batch []metering.Sample) error {
	p.buf = p.buf[:0]
	for i := range batch {
		p.buf = p.appendFrame(p.buf, batch[i])
	}
	if p.conn != nil && p.send(ctx) == nil {
		return nil
	}
	conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "tcp", p.address)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	p.conn = conn.(*net.TCPConn)
	return p.send(ctx)
}

func (p *tcp) appendFrame(dst []byte, s metering.Sample) []byte {
	if p.signer != nil {
		p.signer.SignAs(&s, p.host) // anew even if it is signed: publisher_id is signed too
	}
	from := len(dst)
	dst = s.AppendMsgpack(append(dst, make([]byte, 8)...), p.host)
	binary.LittleEndian.PutUint64(dst[from:], uint64(len(dst)-from-8))
	return dst
}

// send writes p.buf and waits for its acknowledgement; after an error there is no
// connection any more.
func (p *tcp) send(ctx context.Context) error {
	conn, err := p.conn, p.alive()
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(callTimeout))
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	if err == nil {
		_, err = p.conn.Write(p.buf)
	}
	if err == nil {
		err = p.acknowledged(ctx)
	}
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("sending to %s: %w", p.address, err), p.Close())
}

// control runs f on the socket of conn.
func control(conn syscall.Conn, f func(fd int) error) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// alive reports an error if the other side has closed the connection. What it says
// otherwise is thrown away: there is nothing to say in this protocol.
func (p *tcp) alive() error {
	return control(p.conn, func(fd int) error {
		for heard := make([]byte, 512); ; {
			n, _, err := unix.Recvfrom(fd, heard, unix.MSG_DONTWAIT)
			switch {
			case errors.Is(err, unix.EAGAIN):
				return nil
			case errors.Is(err, unix.EINTR):
			case err != nil:
				return err
			case n == 0:
				return io.ErrUnexpectedEOF
			}
		}
	})
}

// acknowledged waits until the other host has confirmed every byte.
func (p *tcp) acknowledged(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	for pause := 100 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		var unsent int
		if err := control(p.conn, func(fd int) (err error) {
			if unsent, err = unix.IoctlGetInt(fd, unix.SIOCOUTQ); err != nil {
				return err
			}
			return socketError(fd) // a reset empties the queue too
		}); err != nil {
			return err
		}
		if unsent == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the acknowledgement of %d bytes: %w", unsent, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// Close implements io.Closer.
func (p *tcp) Close() error {
	if p.conn == nil {
		return nil
	}
	conn := p.conn
	p.conn = nil
	return conn.Close()
}
