package pipeline

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sink is a list of publishers under a name.
type sink[T any] struct {
	name       string
	sources    []string // that name it
	publishers []named[T]
}

// named is a publisher, its URL as configured, and that URL without secrets.
type named[T any] struct {
	ref string
	url string
	to  Publisher[T]
}

// outlet is one publisher with everything that leads to it, which it gets one after the
// other; outlets work side by side.
type outlet[T any] struct {
	ref   string
	to    Publisher[T]
	feeds []feed
}

// feed leads what one lane carries to an outlet.
type feed struct {
	lane        int
	sink, url   string
	taken, lost prometheus.Counter
	seconds     prometheus.Observer
}

// outlets turns lanes and sinks around: from "a sink has publishers" to "a publisher is
// fed by lanes". A publisher that several sinks share is one outlet.
func outlets[T any](lanes []lane, sinks []sink[T], m *Metrics) []outlet[T] {
	var all []outlet[T]
	for i, l := range lanes {
		k := sinks[l.sink]
		for _, p := range k.publishers {
			at := slices.IndexFunc(all, func(o outlet[T]) bool { return o.ref == p.ref })
			if at < 0 {
				at = len(all)
				all = append(all, outlet[T]{ref: p.ref, to: p.to})
			}
			all[at].feeds = append(all[at].feeds, feed{
				lane: i, sink: k.name, url: p.url,
				taken:   m.taken.WithLabelValues(k.name, p.url),
				lost:    m.refused.WithLabelValues(k.name, p.url),
				seconds: m.handOver.WithLabelValues(k.name, p.url),
			})
		}
	}
	return all
}

// publish hands the publisher what each of its lanes carries, and stops at an error.
// done says which feeds have already been served, and is kept up to date.
func (o *outlet[T]) publish(ctx context.Context, lanes [][]T, done []bool) error {
	for i := range o.feeds {
		f := &o.feeds[i]
		items := lanes[f.lane]
		if done[i] || len(items) == 0 {
			done[i] = true
			continue
		}
		from := time.Now()
		err := o.to.Publish(ctx, items)
		f.seconds.Observe(time.Since(from).Seconds())
		if err != nil {
			f.lost.Inc()
			return fmt.Errorf("publishing %d samples of sink %q to %s: %w", len(items), f.sink, f.url, err)
		}
		f.taken.Add(float64(len(items)))
		done[i] = true
	}
	return nil
}
