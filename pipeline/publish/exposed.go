package publish

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/metering"
)

// page is the part of /metrics that shows samples. A registry takes one collector of that
// kind and for ever, while publishers come and go with reloads; so page is registered
// once and shows the Exposition that was opened last.
type page struct {
	mu   sync.Mutex
	open []*Exposition
}

func (p *page) add(e *Exposition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = append(p.open, e)
}

func (p *page) remove(e *Exposition) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(each *Exposition) bool { return each == e })
}

// setInterval tells every Exposition.
func (p *page) setInterval(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.open {
		e.SetInterval(d)
	}
}

// hidden is how many are open and not shown.
func (p *page) hidden() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(len(p.open)-1, 0)
}

// Describe implements prometheus.Collector; it sends nothing, because the series come
// with the samples.
func (p *page) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (p *page) Collect(ch chan<- prometheus.Metric) {
	p.mu.Lock()
	var shown *Exposition
	if n := len(p.open); n > 0 {
		shown = p.open[n-1]
	}
	p.mu.Unlock()
	if shown != nil {
		shown.Collect(ch)
	}
}

// exposed is an Exposition on a page.
type exposed struct {
	on *page
	to *Exposition
}

func readExposed(o *options) opener {
	if strings.Trim(o.url.Path, "/") != "" {
		o.faults = append(o.faults, errors.New("the host is missing; write prometheus://host:9091/metrics/job/name, or prometheus:// for this process's own /metrics"))
	}
	eo := ExpositionOptions{Prefix: o.text("prefix", ""), Expire: o.seconds("expire", 0)}
	return func(env Env) (samples, error) {
		eo.Interval = env.Interval
		e := exposed{env.page, NewExposition(eo)}
		e.on.add(e.to)
		return e, nil
	}
}

// Publish implements pipeline.Publisher.
func (e exposed) Publish(ctx context.Context, batch []metering.Sample) error {
	return e.to.Publish(ctx, batch)
}

// Close implements io.Closer.
func (e exposed) Close() error {
	e.on.remove(e.to)
	return e.to.Close()
}
