package pollster

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/discovery"
)

// Metrics are the instruments of this package. They outlive a Scheduler, so that counters
// go on after a reload. No label holds more values than there are meters, pollsters,
// discoveries, sources or intervals.
type Metrics struct {
	cycles, overruns     *prometheus.CounterVec
	cycleDuration, lag   *prometheus.HistogramVec
	polls, pollErrors    *prometheus.CounterVec
	pollDuration         *prometheus.HistogramVec
	samples, claimErrors *prometheus.CounterVec
	resources, skipped   *prometheus.GaugeVec
	stuck                *prometheus.GaugeVec
	discoveryDuration    *prometheus.HistogramVec
	discoveryErrors      *prometheus.CounterVec
	discoveryLists       *prometheus.CounterVec
	listBytes            *prometheus.GaugeVec
	writeRetries         prometheus.Counter
	ringMetrics
}

// NewMetrics registers the instruments; with a nil registerer they count unseen.
func NewMetrics(r prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "ringmeter", Subsystem: "pollster", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "ringmeter", Subsystem: "pollster", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "ringmeter", Subsystem: "pollster", Name: name, Help: help, Buckets: buckets}, labels)
	}
	short := []float64{.001, .01, .1, .5, 1, 5, 10, 60}
	long := []float64{.01, .1, 1, 5, 10, 30, 60, 300, 600}
	m := &Metrics{
		cycles: counter("cycles_total",
			"Cycles that pollsters have run, each pollster counted by itself.", "interval"),
		cycleDuration: histogram("cycle_duration_seconds",
			"Time from the start of a pollster's cycle to its last sample being written.", long, "interval"),
		lag: histogram("cycle_lag_seconds",
			"How much later than planned a pollster's cycle started.", short, "interval"),
		overruns: counter("overruns_total",
			"Cycles that were not over when the next one was due.", "interval", "pollster"),
		polls: counter("polls_total",
			"Calls of a pollster by outcome: ok, error, panic, timeout, canceled, fenced, or stuck.", "pollster", "outcome"),
		pollDuration: histogram("poll_duration_seconds",
			"Time from the call of a pollster to its last sample being written.", short, "pollster"),
		pollErrors: counter("poll_errors_total",
			"Errors that pollsters have reported, mostly one per resource.", "pollster"),
		samples: counter("samples_total",
			"Samples by outcome: written, lost, fenced (not published, as another worker may poll the same), "+
				"or invalid (not of a meter that its pollster lists, or of no type). "+
				"Invalid ones, and those of pollsters that list no meters, are counted under the pollster's name.",
			"meter", "outcome"),
		claimErrors: counter("claim_errors_total",
			"Requests to the coordinator that failed: open, claim, done, release, unfinished, or coverage.", "request"),
		resources: gauge("resources",
			"Resources that a pollster had to poll for a source in its last cycle.", "source", "pollster"),
		skipped: gauge("skipped_resources",
			"Resources that a pollster does not poll for a source any more because they can never work.", "source", "pollster"),
		stuck: gauge("stuck_polls",
			"Polls that were abandoned and have not returned.", "pollster"),
		discoveryDuration: histogram("discovery_duration_seconds",
			"Time to list the resources of a discovery.", short, "discovery"),
		discoveryErrors: counter("discovery_errors_total",
			"Listings of a discovery that failed.", "discovery"),
		discoveryLists: counter("discovery_lists_total",
			"Lists of a discovery by origin: listed, read (of another worker), or fallback (listed as another's could not be had).",
			"discovery", "origin"),
		listBytes: gauge("discovery_list_bytes",
			"Size of the list that this worker has left for the others last.", "discovery"),
		ringMetrics: newRingMetrics(r),
		writeRetries: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "ringmeter", Subsystem: "pollster", Name: "write_retries_total",
			Help: "Writes of a batch of samples that failed and were repeated."}),
	}
	if r != nil {
		r.MustRegister(m.cycles, m.cycleDuration, m.lag, m.overruns, m.polls, m.pollDuration,
			m.pollErrors, m.samples, m.claimErrors, m.resources, m.skipped, m.stuck,
			m.discoveryDuration, m.discoveryErrors, m.discoveryLists, m.listBytes, m.writeRetries)
	}
	return m
}

func (m *Metrics) observeDiscovery(l discovery.Listing) {
	m.discoveryDuration.WithLabelValues(l.Ref.Name).Observe(l.Took.Seconds())
	failed := m.discoveryErrors.WithLabelValues(l.Ref.Name) // there from the first listing on
	if l.Err != nil {
		failed.Inc()
	}
	m.discoveryLists.WithLabelValues(l.Ref.Name, l.Origin.String()).Inc()
}

func (m *Metrics) posted(discovery string, size int, err error) {
	if err == nil {
		m.listBytes.WithLabelValues(discovery).Set(float64(size))
	}
}

// meterCounters are the outcomes of one meter's samples, looked up once.
type meterCounters struct{ written, lost, fenced prometheus.Counter }

func (m *Metrics) meter(label string) *meterCounters {
	return &meterCounters{
		written: m.samples.WithLabelValues(label, "written"),
		lost:    m.samples.WithLabelValues(label, "lost"),
		fenced:  m.samples.WithLabelValues(label, "fenced"),
	}
}

// forget removes the gauges of a pollster that is no longer scheduled.
func (m *Metrics) forget(source, pollster string) {
	m.resources.DeleteLabelValues(source, pollster)
	m.skipped.DeleteLabelValues(source, pollster)
}
