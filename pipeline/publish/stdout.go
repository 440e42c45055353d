package publish

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/ringmeter/ringmeter/metering"
)

// stdout writes one JSON object per sample and line, each batch with one call.
type stdout struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
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
	for i := range batch {
		p.buf = append(batch[i].AppendObject(p.buf), '\n')
	}
	if _, err := p.w.Write(p.buf); err != nil {
		return fmt.Errorf("writing to standard output: %w", err)
	}
	return nil
}

// refusePlace is for schemes whose URL is the scheme alone.
func refusePlace(o *options) {
	if o.url.Host != "" || o.url.Path != "" {
		o.faults = append(o.faults, fmt.Errorf("takes neither host nor path; write %s://", o.url.Scheme))
	}
}
