package publish_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

const benchSeries = 100_000

// fleet is one cycle of n samples: some meters of every resource, 50 resources a project.
func fleet(n, meters int, stamp string) []metering.Sample {
	batch := make([]metering.Sample, n)
	for i := range batch {
		resource, meter := i%(n/meters), i/(n/meters)
		batch[i] = metering.Sample{
			Name: fmt.Sprintf("disk.device.%d.bytes", meter), Type: metering.Cumulative, Unit: "B", Volume: metering.Int(int64(i)),
			ResourceID: fmt.Sprintf("%08x-3f1c-4f7e-9d53-%012x", resource, resource),
			ProjectID:  metering.TextOf(fmt.Sprintf("%032x", resource/50)), UserID: metering.TextOf(fmt.Sprintf("%032x", resource/500)),
			Timestamp: stamp, ID: fmt.Sprintf("%032x", i),
		}
	}
	return batch
}

func BenchmarkExpositionPublish(b *testing.B) {
	for _, meters := range []int{1, 25} {
		b.Run(fmt.Sprintf("meters=%d", meters), func(b *testing.B) {
			cycles := [][]metering.Sample{fleet(benchSeries, meters, "2026-03-04T12:00:00.123456"), fleet(benchSeries, meters, "2026-03-04T12:00:00.123457")}
			e, _ := shown(b, publish.ExpositionOptions{})
			show(b, e, cycles[0]...)
			i := 0
			for b.Loop() {
				show(b, e, cycles[i%2]...)
				i++
			}
			b.ReportMetric(float64(benchSeries)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

func BenchmarkExpositionCollect(b *testing.B) {
	e, reg := shown(b, publish.ExpositionOptions{})
	show(b, e, fleet(benchSeries, 5, "2026-03-04T12:00:00")...)
	b.Run("collect", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ch := make(chan prometheus.Metric, 1000)
			go func() {
				e.Collect(ch)
				close(ch)
			}()
			for range ch {
			}
		}
	})
	b.Run("gather", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := reg.Gather(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkExpositionMemory reports what a series costs, its strings included.
func BenchmarkExpositionMemory(b *testing.B) {
	for _, meters := range []int{1, 5, 25} {
		b.Run(fmt.Sprintf("meters=%d", meters), func(b *testing.B) {
			batch := fleet(benchSeries, meters, "2026-03-04T12:00:00")
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				e, _ := shown(b, publish.ExpositionOptions{})
				show(b, e, batch...)
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(e)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/benchSeries, "B/series")
		})
	}
}
