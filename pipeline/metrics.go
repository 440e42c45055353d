package pipeline

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the instruments of all pipelines of a process; they outlive a reload.
// What happens behind a publisher's queue is measured by package publish.
type Metrics struct {
	received, rejected prometheus.Counter
	samples            *prometheus.CounterVec   // meter, outcome
	unreadable         prometheus.Counter       // samples
	taken, refused     *prometheus.CounterVec   // sink, publisher
	handOver           *prometheus.HistogramVec // sink, publisher
}

// NewMetrics registers the instruments; with a nil registerer they count unseen.
func NewMetrics(r prometheus.Registerer) *Metrics {
	const prefix = "ringmeter_pipeline_"
	bySink := []string{"sink", "publisher"}
	m := &Metrics{
		received: prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "messages_received_total",
			Help: "Messages taken off the bus and acknowledged."}),
		rejected: prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "messages_rejected_total",
			Help: "Messages set aside because they, or some of their samples, could not be read."}),
		samples: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "samples_total",
			Help: "Samples by meter and outcome: matched by a source, unmatched, or invalid (no volume)."}, []string{"meter", "outcome"}),
		unreadable: prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + "samples_unreadable_total",
			Help: "Samples left out of their message because they could not be read."}),
		taken: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "sink_samples_total",
			Help: "Samples that a sink's publisher, or the queue before it, has taken."}, bySink),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + "sink_failures_total",
			Help: "Batches that a sink's publisher did not take, so that they come again."}, bySink),
		handOver: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: prefix + "sink_hand_over_seconds",
			Help:    "Time until a sink's publisher, or the queue before it, has taken a batch.",
			Buckets: []float64{.0001, .001, .005, .025, .1, .5, 1, 2.5}}, bySink),
	}
	if r != nil {
		r.MustRegister(m.received, m.rejected, m.samples, m.unreadable, m.taken, m.refused, m.handOver)
	}
	return m
}
