package publish

import (
	"context"
	"errors"

	"github.com/ringmeter/ringmeter/metering"
)

// web posts samples in object form: a batch as one JSON array, or each on its own.
// Unlike Ceilometer it takes an answer that is not success for what it is.
type web struct {
	*target
	batch bool
}

func readHTTP(o *options) opener {
	p := &web{target: readTarget(o), batch: o.boolean("batch", true)}
	o.boolean("raw_only", false) // of events; it means nothing to samples
	p.aim(o.url.Scheme, o)
	return func(env Env) (samples, error) {
		if err := p.connect(env); err != nil {
			return nil, err
		}
		return p, nil
	}
}

// Publish implements pipeline.Publisher.
func (p *web) Publish(ctx context.Context, batch []metering.Sample) error {
	if p.batch {
		body := []byte{'['}
		for i := range batch {
			if i > 0 {
				body = append(body, ',')
			}
			body = batch[i].AppendObject(body)
		}
		return p.post(ctx, &p.url, append(body, ']'))
	}
	var result partialError[metering.Sample]
	for i := range batch {
		err := p.post(ctx, &p.url, batch[i].AppendObject(nil))
		if err == nil {
			continue
		}
		result.err = err
		if _, ok := errors.AsType[*permanentError](err); !ok {
			result.retry = batch[i:]
			break
		}
		result.refused = append(result.refused, batch[i])
	}
	if result.err != nil {
		return &result
	}
	return nil
}
