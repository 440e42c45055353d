package pollster

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/partition"
)

// ringMetrics are the instruments of what is divided. source is the name of a ledger, which
// is that of a source and a pollster.
type ringMetrics struct {
	partitionsPolled, lostPartitions *prometheus.CounterVec
	handbacks                        prometheus.Counter
	cyclePartitions, ownedPartitions *prometheus.GaugeVec
	lateness                         prometheus.Histogram
}

func newRingMetrics(r prometheus.Registerer) ringMetrics {
	const namespace, subsystem = "ringmeter", "ring"
	m := ringMetrics{
		partitionsPolled: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "partitions_polled_total",
			Help: "Partitions that this worker has claimed and polled by reason: own, rescue (their owner was gone), or steal (late, or handed back)."}, []string{"reason"}),
		lostPartitions: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "lost_partitions_total",
			Help: "Partitions that no worker of the group has finished in time. Each worker counts those of all."}, []string{"source"}),
		handbacks: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: "handbacks_total",
			Help: "Partitions that this worker has handed back unfinished, for another attempt."}),
		cyclePartitions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: "cycle_partitions",
			Help: "Partitions of the last cycle that was closed, of all workers together, by state: expected, done, lost, and of those done rescued, stolen or late."}, []string{"source", "state"}),
		ownedPartitions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: "owned_partitions",
			Help: "Partitions that this worker owns by the ring of the newest cycle."}, []string{"group"}),
		lateness: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: "poll_lateness_seconds",
			Help:    "Time from the slot of a partition to its claim; cycles that are polled all at once are left out.",
			Buckets: []float64{.01, .1, .5, 1, 2, 5, 10, 20, 60, 300}}),
	}
	if r != nil {
		r.MustRegister(m.partitionsPolled, m.lostPartitions, m.handbacks, m.cyclePartitions, m.ownedPartitions, m.lateness)
	}
	return m
}

// cycleClosed shows what has become of a cycle.
func (m ringMetrics) cycleClosed(source string, c partition.Coverage, lost int) {
	for state, n := range map[string]int{"expected": c.Expected, "done": c.Done, "rescued": c.Rescued,
		"stolen": c.Stolen, "late": c.Late, "lost": lost} {
		m.cyclePartitions.WithLabelValues(source, state).Set(float64(n))
	}
	m.lostPartitions.WithLabelValues(source).Add(float64(lost))
}

// forgetCycles removes the gauges of a ledger that is no longer used.
func (m ringMetrics) forgetCycles(source string) {
	m.cyclePartitions.DeletePartialMatch(prometheus.Labels{"source": source})
}
