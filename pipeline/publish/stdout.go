package publish

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/ringmeter/ringmeter/metering"
)

// stdout writes one JSON object per sample and line, each batch with one call.
type stdout struct {
	mu   sync.Mutex
	w    io.Writer
	buf  []byte
	torn bool // the last write has left a part of a line
}

func readStdout(o *options) opener {
	refusePlace(o)
	return func(env Env) (samples, error) { return &stdout{w: env.Stdout}, nil }
}

// Publish implements pipeline.Publisher.
func (p *stdout) Publish(_ context.Context, batch []metering.Sample) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = p.buf[:0]
	if p.torn {
		p.buf = append(p.buf, '\n')
	}
	start := len(p.buf)
	for i := range batch {
		p.buf = appendObjectLine(p.buf, &batch[i])
	}
	n, err := p.w.Write(p.buf)
	if n > 0 {
		p.torn = p.buf[n-1] != '\n'
	}
	if err != nil {
		whole := bytes.Count(p.buf[start:max(n, start)], []byte{'\n'})
		return &partialError[metering.Sample]{retry: batch[whole:],
			err: fmt.Errorf("writing to standard output: %w", err)}
	}
	return nil
}

// appendObjectLine appends the object form as one line. Line breaks of metadata, which is
// as it came, can only stand where a space may.
func appendObjectLine(dst []byte, s *metering.Sample) []byte {
	from := len(dst)
	dst = s.AppendObject(dst)
	for _, c := range [...]byte{'\n', '\r'} {
		for i := from; ; {
			n := bytes.IndexByte(dst[i:], c)
			if n < 0 {
				break
			}
			i += n
			dst[i] = ' '
		}
	}
	return append(dst, '\n')
}

// refusePlace is for schemes whose URL is the scheme alone.
func refusePlace(o *options) {
	if o.url.Host != "" || o.url.Path != "" {
		o.faults = append(o.faults, fmt.Errorf("takes neither host nor path; write %s://", o.url.Scheme))
	}
}
