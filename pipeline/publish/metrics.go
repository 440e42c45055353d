package publish

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/pipeline"
)

// instruments are the metrics of all publishers of a Set, by URL without secrets.
type instruments struct {
	published, failed *prometheus.CounterVec   // publisher
	dropped           *prometheus.CounterVec   // publisher, reason
	seconds           *prometheus.HistogramVec // publisher
}

// Reasons of a drop, as in metrics.
const (
	reasonOverflow = "overflow" // the queue was over its bound, and these were the oldest
	reasonAttempts = "attempts" // tried as often as the policy allows
	reasonRefused  = "refused"  // the other side will never take them
	reasonShutdown = "shutdown" // not delivered by the end of the drain time
)

func newInstruments(r prometheus.Registerer) *instruments {
	const prefix = "ringmeter_publish_"
	by := []string{"publisher"}
	m := &instruments{
		published: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "samples_total",
			Help: "Samples delivered."}, by),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "failed_attempts_total",
			Help: "Attempts to deliver a batch that failed, wholly or in part."}, by),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "dropped_samples_total",
			Help: "Samples given up, by reason: overflow, attempts, refused or shutdown."}, []string{"publisher", "reason"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + "attempt_duration_seconds",
			Help:    "Duration of an attempt to deliver a batch, successful or not.",
			Buckets: []float64{.001, .005, .025, .1, .5, 1, 5, 15, 60}}, by),
	}
	if r != nil {
		r.MustRegister(m.published, m.failed, m.dropped, m.seconds)
	}
	return m
}

// queueGauges shows the queues of a Set at the moment of a scrape.
type queueGauges struct {
	entries, bytes, oldest *prometheus.Desc
	list                   func() map[string]pipeline.PublisherStatus
}

func newQueueGauges(list func() map[string]pipeline.PublisherStatus) *queueGauges {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("ringmeter_publish_queue_"+name, help, []string{"publisher"}, nil)
	}
	return &queueGauges{
		entries: desc("entries", "Batches that wait before a publisher."),
		bytes:   desc("bytes", "Memory of the batches that wait before a publisher."),
		oldest:  desc("oldest_age_seconds", "Age of the oldest batch that waits before a publisher; 0 when none does."),
		list:    list,
	}
}

func (g *queueGauges) Describe(ch chan<- *prometheus.Desc) {
	ch <- g.entries
	ch <- g.bytes
	ch <- g.oldest
}

func (g *queueGauges) Collect(ch chan<- prometheus.Metric) {
	now := time.Now()
	gauge := func(d *prometheus.Desc, v float64, publisher string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, publisher)
	}
	for publisher, st := range g.list() {
		age := 0.0
		if !st.QueueOldest.IsZero() {
			age = max(now.Sub(st.QueueOldest).Seconds(), 0)
		}
		gauge(g.entries, float64(st.QueueEntries), publisher)
		gauge(g.bytes, float64(st.QueueBytes), publisher)
		gauge(g.oldest, age, publisher)
	}
}
