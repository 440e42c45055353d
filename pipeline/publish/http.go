package publish

import (
	"context"
	"errors"
	"math"
	"net/http"

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

// mostRefusals bounds the requests in a row that find nothing that the other side takes.
const mostRefusals = 64

// Publish implements pipeline.Publisher. What is refused for what is in it goes again in
// halves: neither too much at once nor a single bad sample costs the others.
func (p *web) Publish(ctx context.Context, batch []metering.Sample) error {
	most := len(batch) // samples of one request
	if !p.batch {
		most = 1
	}
	var result partialError[metering.Sample]
	tooLarge := math.MaxInt // bytes
	for from, size, refusals := 0, most, 0; from < len(batch); {
		part := batch[from:min(from+size, len(batch))]
		body := p.body(part)
		if len(part) > 1 && len(body) >= tooLarge {
			size = len(part) / 2
			continue
		}
		err := p.post(ctx, &p.url, body)
		refused, permanently := errors.AsType[*permanentError](err)
		switch {
		case err == nil:
			refusals = 0
		case !permanently:
			result.retry, result.err = batch[from:], err
			return &result
		case len(part) > 1 && refused.ofContents() && refusals < mostRefusals:
			refusals++
			size = len(part) / 2
			if refused.code == http.StatusRequestEntityTooLarge {
				tooLarge = len(body)
			}
			continue
		default:
			refusals++
			result.refused, result.err = append(result.refused, part...), err
		}
		from += len(part)
		size = min(2*size, most)
	}
	if result.err != nil {
		return &result
	}
	return nil
}

func (p *web) body(part []metering.Sample) []byte {
	if !p.batch {
		return part[0].AppendObject(nil)
	}
	body := []byte{'['}
	for i := range part {
		if i > 0 {
			body = append(body, ',')
		}
		body = part[i].AppendObject(body)
	}
	return append(body, ']')
}

// ofContents reports whether a part of what was refused may be taken: the fault is in what
// was sent, and not in who sends it or where to.
func (e *permanentError) ofContents() bool {
	return e.code == http.StatusBadRequest || e.code == http.StatusRequestEntityTooLarge || e.code == http.StatusUnprocessableEntity
}
