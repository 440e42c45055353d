package pipeline

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/metering"
)

// maxRoutes bounds the meter names that are remembered: names come from messages.
const maxRoutes = 8192

// otherMeter stands in metrics for every meter beyond maxRoutes.
const otherMeter = "(other)"

// lane is one pipeline: a pair of a source and one of its sinks.
type lane struct {
	source string
	sink   int
	meters *metering.Filter
}

// outcome is what becomes of a sample.
type outcome uint8

const (
	matched outcome = iota
	unmatched
	invalid
	outcomes
)

// route is what is known about a meter.
type route struct {
	index   int    // in routes.all
	to      []bool // by lane
	outcome outcome
	warned  bool // that it comes without a volume
	counts  [outcomes]prometheus.Counter
}

// routes finds the lanes of a meter and remembers them by name. It serves one caller at
// a time.
type routes struct {
	lanes   []lane
	metrics *Metrics
	known   map[string]*route
	all     []*route // the first stands for any meter beyond the bound, until the next one
}

func newRoutes(lanes []lane, m *Metrics) *routes {
	r := &routes{lanes: lanes, metrics: m, known: map[string]*route{}}
	r.add(otherMeter).warned = true
	return r
}

func (r *routes) add(label string) *route {
	added := &route{index: len(r.all), to: make([]bool, len(r.lanes))}
	for o, text := range [outcomes]string{"matched", "unmatched", "invalid"} {
		added.counts[o] = r.metrics.samples.WithLabelValues(label, text)
	}
	r.all = append(r.all, added)
	return added
}

// of is the route of a meter; beyond the bound it is valid until the next call.
func (r *routes) of(name string) *route {
	if found, ok := r.known[name]; ok {
		return found
	}
	found := r.all[0]
	if len(r.known) < maxRoutes {
		name = strings.Clone(name) // not a part of a payload
		found = r.add(name)
		r.known[name] = found
	}
	found.outcome = unmatched
	for i, l := range r.lanes {
		if found.to[i] = l.meters.Match(name); found.to[i] {
			found.outcome = matched
		}
	}
	return found
}

// count adds what one call of Handle has counted.
func (r *routes) count(counts [][outcomes]int) {
	for i := range counts {
		for o, n := range counts[i] {
			if n > 0 {
				r.all[i].counts[o].Add(float64(n))
			}
		}
	}
}
