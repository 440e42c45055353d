package metering_test

import (
	"fmt"
	"testing"

	"github.com/ringmeter/ringmeter/metering"
)

// sampleOf is a cpu sample as a compute poller makes it; its metadata has 20 keys.
func sampleOf(i int) metering.Sample {
	metadata := map[string]any{
		"display_name": fmt.Sprintf("web-%04d", i), "name": fmt.Sprintf("instance-%08x", i),
		"instance_id": fmt.Sprintf("5b3e1f0c-8a0e-4c5e-9a51-%012x", i), "instance_type": "m1.small",
		"host": "2f6a4b0f9a1c4e6d8b7a5c3e1d0f2b4a6c8e0a2c4e6f8b1d", "instance_host": "compute-17",
		"status": "active", "state": "running", "task_state": "", "image_ref_url": nil,
		"image_ref": "c1e7e3d2-5e8b-4d33-8d2a-0d6f3c1f2b9a", "architecture": "x86_64", "os_type": "hvm",
		"vcpus": 2, "memory_mb": 2048, "disk_gb": 20, "ephemeral_gb": 0, "root_gb": 20,
		"flavor": map[string]any{"id": "2", "name": "m1.small", "vcpus": 2, "ram": 2048, "disk": 20, "swap": 0},
		"tags":   []any{"production", "billing"},
	}
	return metering.Sample{
		Name: "cpu", Type: metering.Cumulative, Unit: "ns", Volume: metering.Int(9_007_199_254_740_993 + int64(i)),
		UserID: metering.TextOf("0d5a3c8f2b7e4a6c9d1f0e3b5a7c9e1d"), ProjectID: metering.TextOf("6f1e3d5c7b9a8f0e2d4c6b8a0f1e3d5c"),
		ResourceID: fmt.Sprintf("5b3e1f0c-8a0e-4c5e-9a51-%012x", i), Timestamp: "2026-07-21T13:56:12.123456",
		Metadata: metering.MetadataOf(metadata), Source: "openstack",
		ID: metering.SampleID("compute", "r", "cpu", 1, i), MonotonicTime: metering.Float(86400.123456),
	}
}

func samplesOf(n int) []metering.Sample {
	signer := metering.NewSigner("change this for valid signing")
	samples := make([]metering.Sample, n)
	for i := range samples {
		samples[i] = sampleOf(i)
		signer.Sign(&samples[i])
	}
	return samples
}

func BenchmarkEncodeSign20Keys(b *testing.B) {
	for name, meters := range map[string]int{"one meter a resource": 1, "ten meters a resource": 10} {
		b.Run(name, func(b *testing.B) {
			samples := samplesOf(10)
			for i := range samples {
				samples[i].Metadata = samples[i/meters*meters].Metadata
			}
			signer := metering.NewSigner("change this for valid signing")
			var buf []byte
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				s := &samples[i%len(samples)]
				signer.Sign(s)
				buf = s.AppendJSON(buf[:0])
				i++
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func BenchmarkDecode100Samples(b *testing.B) {
	for name, meters := range map[string]int{"one meter a resource": 1, "ten meters a resource": 10} {
		b.Run(name, func(b *testing.B) {
			samples := samplesOf(100)
			for i := range samples {
				samples[i].Metadata = samples[i/meters*meters].Metadata
			}
			payload := string(metering.AppendBatch(nil, samples))
			samples, err := metering.DecodeBatch(nil, payload)
			if err != nil || len(samples) != 100 {
				b.Fatal(len(samples), err)
			}
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				samples, _ = metering.DecodeBatch(samples, payload)
			}
			b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "samples/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	signer := metering.NewSigner("change this for valid signing")
	message := string(samplesOf(1)[0].AppendJSON(nil))
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		if err := signer.Verify(message); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch100Meters50Patterns(b *testing.B) {
	var patterns, meters []string
	for i := range 50 {
		switch i % 5 {
		case 0, 1:
			patterns = append(patterns, fmt.Sprintf("meter.%d", i))
		case 2:
			patterns = append(patterns, fmt.Sprintf("disk.%d.*", i))
		case 3:
			patterns = append(patterns, fmt.Sprintf("*.bytes.%d", i))
		case 4:
			patterns = append(patterns, fmt.Sprintf("network.*.%d.[a-f]*", i))
		}
	}
	for i := range 100 {
		meters = append(meters, fmt.Sprintf([]string{"meter.%d", "disk.%d.read", "x.bytes.%d", "network.in.%d.bytes"}[i%4], i))
	}
	filter, err := metering.NewFilter(patterns)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, meter := range meters {
			filter.Match(meter)
		}
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "matches/s")
}

func BenchmarkSampleID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		metering.SampleID("openstack", "5b3e1f0c-8a0e-4c5e-9a51-1f0c8a0e4c5e", "disk.device.read.bytes", 29_000_000, 3)
	}
}
