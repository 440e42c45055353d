package pollster_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pollster"
)

func TestMetricsAreClean(t *testing.T) {
	b := newBench(t, pollster.Config{
		Sources: []pollster.Source{source(t, "s", "*")},
		Plugins: []pollster.Plugin{plugin("p", readings("m"), "m")},
	})
	if err := b.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(b.metrics)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(b.metrics); err != nil || n < 8 {
		t.Errorf("%d series, %v", n, err)
	}
}

// Instruments outlive a scheduler, so counters go on after a reload.
func TestMetricsSurviveReload(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	m := pollster.NewMetrics(registry)
	for range 2 {
		s, err := pollster.NewScheduler(pollster.Config{
			Sources: []pollster.Source{source(t, "s", "*")}, Discoveries: []discovery.Plugin{things("a")},
			Plugins: []pollster.Plugin{plugin("p", readings("m"), "m")}, Writer: &sink{}, Metrics: m,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{metrics: registry}
	b.check(t, map[string]float64{"samples_total m written": 2, "cycles_total 10s": 2})
}

// BenchmarkScheduler is what the scheduler itself costs: 10 000 resources with 10 meters each
// into a Writer that only counts.
func BenchmarkScheduler(b *testing.B) {
	for name, divided := range map[string]bool{"local": false, "divided": true} {
		b.Run(name, func(b *testing.B) {
			meters := []string{"m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"}
			list := numbered("instance", 10_000)
			scope := discovery.Local
			if divided {
				scope = discovery.Shared
			}
			counter := &counting{}
			b.ReportAllocs()
			for b.Loop() {
				gs := groups(b, local.New(), "me") // claims are for one cycle
				s, err := pollster.NewScheduler(pollster.Config{
					Sources: []pollster.Source{source(b, "s", "*")}, Writer: counter, Groups: gs,
					Discoveries: []discovery.Plugin{lists("things", scope, fixed(list))},
					Plugins:     []pollster.Plugin{plugin("p", readings(meters...), meters...)},
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := s.Once(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			if want := b.N * 100_000; counter.n != want {
				b.Fatalf("%d samples, want %d", counter.n, want)
			}
			b.ReportMetric(float64(counter.n)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}
