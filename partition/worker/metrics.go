package worker

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/partition"
)

// Metrics are the instruments of all memberships of a process. Groups are few: one per
// set of namespaces and one per list of static resources.
type Metrics struct {
	members, epoch, viewTime, linked, offset *prometheus.GaugeVec
	beats                                    *prometheus.HistogramVec
	failures, handedIn                       *prometheus.CounterVec
}

// NewMetrics registers the instruments; with a nil registerer they count unseen.
func NewMetrics(r prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "ringmeter", Subsystem: "ring", Name: name, Help: help}, append(labels, "group"))
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "ringmeter", Subsystem: "ring", Name: name, Help: help}, append(labels, "group"))
	}
	m := &Metrics{
		members:  gauge("members", "Members of the newest view."),
		epoch:    gauge("epoch", "Epoch of the newest view; grows with every change."),
		viewTime: gauge("view_timestamp_seconds", "When the newest view was first seen here, by the group's clock."),
		linked:   gauge("linked", "1 while this worker is in the view and hears from the coordinator, otherwise 0."),
		offset:   gauge("clock_offset_seconds", "The group's clock minus the local one."),
		beats: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "ringmeter", Subsystem: "ring", Name: "heartbeat_duration_seconds",
			Help:    "Time that heartbeats took that were answered.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .01, .1, 1}}, []string{"group"}),
		failures: counter("request_failures_total",
			"Requests that the coordinator did not answer: beat, begin, claim, settle, check, unfinished, backfill, coverage, post, read, restore, or leave.", "request"),
		handedIn: counter("backfilled_partitions_total",
			"Partitions that were done and handed in after the coordinator had been away or had lost its memory, each time counted."),
	}
	if r != nil {
		r.MustRegister(m.members, m.epoch, m.viewTime, m.linked, m.offset, m.beats, m.failures, m.handedIn)
	}
	return m
}

// groupMetrics are those of one group.
type groupMetrics struct {
	of    *Metrics
	group string
}

func (m *Metrics) of(group string) *groupMetrics { return &groupMetrics{m, group} }

func (g *groupMetrics) view(v partition.View, at time.Time) {
	g.of.members.WithLabelValues(g.group).Set(float64(len(v.Members)))
	g.of.epoch.WithLabelValues(g.group).Set(float64(v.Epoch))
	g.of.viewTime.WithLabelValues(g.group).Set(float64(at.UnixMilli()) / 1e3)
}

func (g *groupMetrics) mode(m partition.Mode) {
	linked := 0.0
	if m == partition.Linked {
		linked = 1
	}
	g.of.linked.WithLabelValues(g.group).Set(linked)
}

func (g *groupMetrics) skew(d time.Duration) { g.of.offset.WithLabelValues(g.group).Set(d.Seconds()) }

func (g *groupMetrics) beat(took time.Duration, err error) {
	if err == nil {
		g.of.beats.WithLabelValues(g.group).Observe(took.Seconds())
	}
}

func (g *groupMetrics) failed(request string) { g.of.failures.WithLabelValues(request, g.group).Inc() }

func (g *groupMetrics) backfilled(n int) {
	g.of.handedIn.WithLabelValues(g.group).Add(float64(n))
}

// forget removes the gauges, which would stay as they are for ever.
func (g *groupMetrics) forget() {
	for _, gauge := range []*prometheus.GaugeVec{g.of.members, g.of.epoch, g.of.viewTime, g.of.linked, g.of.offset} {
		gauge.DeleteLabelValues(g.group)
	}
}
