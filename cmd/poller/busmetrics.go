package main

import (
	"github.com/prometheus/client_golang/prometheus"
)

// busCollector shows the bus of the current generation as metrics.
type busCollector struct {
	daemon                                    *daemon
	queued, queuedBytes                       *prometheus.Desc
	sent, acknowledged, rejected, redelivered *prometheus.Desc
}

func newBusCollector(d *daemon) *busCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("ringmeter_bus_"+name, help, []string{"topic"}, nil)
	}
	return &busCollector{
		daemon:       d,
		queued:       desc("queued_messages", "Messages on the bus that no handler has taken."),
		queuedBytes:  desc("queued_bytes", "Size of the messages on the bus that no handler has taken."),
		sent:         desc("sent_messages_total", "Messages put on the bus since the last reload."),
		acknowledged: desc("acknowledged_messages_total", "Messages that a handler is done with since the last reload."),
		rejected:     desc("rejected_messages_total", "Messages set aside because they could not be used, since the last reload."),
		redelivered:  desc("redelivered_messages_total", "Messages handed over again after a handler failed, since the last reload."),
	}
}

// Describe implements prometheus.Collector.
func (c *busCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.queued, c.queuedBytes, c.sent, c.acknowledged, c.rejected, c.redelivered} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *busCollector) Collect(out chan<- prometheus.Metric) {
	for _, t := range c.daemon.current.Load().bus.Stats() {
		gauge := func(d *prometheus.Desc, v float64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, t.Topic)
		}
		counter := func(d *prometheus.Desc, v uint64) {
			out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), t.Topic)
		}
		gauge(c.queued, float64(t.Queued))
		gauge(c.queuedBytes, float64(t.QueuedBytes))
		counter(c.sent, t.Sent)
		counter(c.acknowledged, t.Acknowledged)
		counter(c.rejected, t.Rejected)
		counter(c.redelivered, t.Redelivered)
	}
}
