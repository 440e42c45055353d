package pipeline_test

import (
	"fmt"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

// BenchmarkHandle measures decode → match → publish, in samples per second.
func BenchmarkHandle(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  *pipeline.Config
	}{
		{"one", config(source("s", "k", "*"), sink("k", "test://"))},
		{"some", config(source("s", "k", "cpu*"), sink("k", "test://"))},
		{"two", config(source("s", "k", "*"), source("t", "l", "cpu*"), sink("k", "test://a"), sink("l", "test://b"))},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := publish.NewSet(publish.Env{})
			p, err := pipeline.New(pipeline.Options{Config: c.cfg, Open: set.Open})
			if err != nil {
				b.Fatal(err)
			}
			msgs, bytes, samples := make([]bus.Message, 16), 0, 0
			for i := range msgs {
				batch := make([]metering.Sample, 100)
				for j := range batch {
					batch[j] = small(fmt.Sprint([]string{"cpu", "memory", "disk.root.size", "cpu_util"}[j%4]), fmt.Sprintf("vm-%d-%d", i, j/4))
				}
				payload := metering.AppendBatch(nil, batch)
				msgs[i] = bus.Message{ID: fmt.Sprint(i), Payload: payload}
				bytes += len(payload)
				samples += len(batch)
			}
			b.SetBytes(int64(bytes))
			b.ReportAllocs()
			for b.Loop() {
				if err := p.Handle(b.Context(), &bus.Batch{Messages: msgs}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(samples)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

func small(meter, resource string) metering.Sample {
	return metering.Sample{
		Name: meter, Type: metering.Gauge, Unit: "B", Volume: metering.Int(42), ResourceID: resource,
		Timestamp: "2026-11-21T01:02:03.000004", Source: "openstack", ID: "00000000-0000-4000-8000-000000000000",
	}
}
