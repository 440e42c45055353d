package telemetry

import (
	"cmp"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/version"
)

// Version is the version this binary was built as, "unknown" when the build did not say.
func Version() string { return cmp.Or(version.Version, "unknown") }

// RegisterBuild registers ringmeter_build_info and the metrics of the Go runtime and of
// the process.
func RegisterBuild(reg prometheus.Registerer) error {
	info := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "ringmeter_build_info",
		Help: "What this binary was built from; always 1.",
		ConstLabels: prometheus.Labels{
			"version": Version(), "revision": version.GetRevision(), "goversion": version.GoVersion,
		},
	}, func() float64 { return 1 })
	for _, c := range []prometheus.Collector{
		info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := reg.Register(c); err != nil {
			return fmt.Errorf("registering build metrics: %w", err)
		}
	}
	return nil
}
