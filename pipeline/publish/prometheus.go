package publish

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/ringmeter/ringmeter/metering"
)

// readPrometheus reads both forms of prometheus://: with a host it pushes there, without
// one it shows the samples on this process's own /metrics.
func readPrometheus(o *options) opener {
	if withoutHost(o.url) {
		return readExposed(o)
	}
	p := &push{target: readTarget(o)}
	o.boolean("batch", true) // how many requests there are follows from the path
	o.boolean("raw_only", false)
	scheme := "http"
	if v, ok := o.value("ssl"); ok {
		if b, isBool := parseBool(v); b || !isBool {
			scheme = "https"
		}
	}
	p.aim(scheme, o)
	p.contentType = "plain/text" // not text/plain: what Ceilometer has always sent
	p.grouped = explicitGrouping(p.url.Path)
	return func(env Env) (samples, error) {
		p.parallel = env.MaxParallel
		if err := p.connect(env); err != nil {
			return nil, err
		}
		return p, nil
	}
}

// push sends samples to a Prometheus push gateway, one request per resource or, when the
// path names a grouping of its own, one for all.
type push struct {
	*target
	grouped  bool
	parallel int
}

// explicitGrouping reports whether a path says more than the job.
func explicitGrouping(path string) bool {
	return strings.HasPrefix(path, "/metrics/job/") && len(strings.Split(strings.Trim(path, "/"), "/")) > 3
}

// Publish implements pipeline.Publisher. Resources are pushed side by side; after a
// failure no further one is begun.
func (p *push) Publish(ctx context.Context, batch []metering.Sample) error {
	if p.grouped {
		return p.post(ctx, &p.url, exposition(batch))
	}
	var (
		mu      sync.Mutex
		result  partialError[metering.Sample]
		failed  atomic.Bool
		workers errgroup.Group
	)
	workers.SetLimit(p.parallel)
	for id, group := range byResource(batch) {
		workers.Go(func() error {
			var err error
			if !failed.Load() {
				if err = p.post(ctx, p.resource(id), exposition(group)); err == nil {
					return nil
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if _, ok := errors.AsType[*permanentError](err); ok {
				result.refused = append(result.refused, group...)
			} else {
				failed.Store(true)
				result.retry = append(result.retry, group...)
			}
			if result.err == nil || len(result.retry) == len(group) && err != nil {
				result.err = err
			}
			return nil
		})
	}
	_ = workers.Wait() // the functions return no error
	if result.err != nil {
		return &result
	}
	return nil
}

// byResource yields the samples of each resource, in the order of their first samples.
func byResource(batch []metering.Sample) func(func(string, []metering.Sample) bool) {
	return func(yield func(string, []metering.Sample) bool) {
		groups := map[string][]metering.Sample{}
		var order []string
		for i := range batch {
			id := batch[i].ResourceID
			if _, known := groups[id]; !known {
				order = append(order, id)
			}
			groups[id] = append(groups[id], batch[i])
		}
		for _, id := range order {
			if !yield(id, groups[id]) {
				return
			}
		}
	}
}

// resource is the target of one resource. An id that is empty, dots, or has a slash in it
// is sent in the gateway's other form, because it cannot stand in a path.
func (p *push) resource(id string) *url.URL {
	to := p.url
	label, value := "resource_id", id
	if id == "" {
		label, value = "resource_id@base64", "="
	} else if id == "." || id == ".." || strings.Contains(id, "/") {
		label, value = "resource_id@base64", base64.RawURLEncoding.EncodeToString([]byte(id))
	}
	raw := strings.TrimSuffix(to.EscapedPath(), "/") + "/" + label + "/" + url.PathEscape(value)
	to.Path, to.RawPath = strings.TrimSuffix(to.Path, "/")+"/"+label+"/"+value, raw
	return &to
}
