package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/bus/memory"
	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/internal/lifecycle"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pollster"
)

// server is a made-up resource with the metadata that a small instance has.
type server struct {
	id       string
	metadata metering.Metadata
}

func (s *server) ResourceKey() string { return "server/" + s.id }

type fleet []discovery.Resource

func (f fleet) Discover(context.Context, string) ([]discovery.Resource, error) { return f, nil }

// BenchmarkCycle is one whole cycle of 10 000 resources with 10 meters each: discovered,
// divided by the ring, claimed, polled, signed, encoded, sent over the memory bus,
// decoded, matched and published to test://. It reports samples/s and, as peak-RSS-MB,
// the largest resident size that the process has had.
func BenchmarkCycle(b *testing.B) {
	const resources, meters = 10_000, 10
	plugin := pollster.Plugin{
		Name: "made.up", Discovery: "fleet", Namespaces: []string{"bench"},
		New: func() (pollster.Pollster, error) { return pollster.Bind(pollServers), nil },
	}
	for m := range meters {
		plugin.Meters = append(plugin.Meters, pollster.Meter{Name: fmt.Sprintf("made.up.%d", m), Type: metering.Cumulative, Unit: "ns"})
	}
	all := make(fleet, resources)
	for i := range all {
		id := fmt.Sprintf("6c1f7a52-9d3e-4b7c-a8f0-%012d", i)
		all[i] = &server{id: id, metadata: metering.MetadataOf(map[string]any{
			"display_name": fmt.Sprintf("server-%d", i), "host": "compute-17", "status": "active",
			"vcpus": 4, "memory_mb": 8192,
		})}
	}

	conf, _, err := pipeline.ReadConfig("bench.yaml", []byte(strings.Replace(pipelineFile("test://"), "meters: [hardware.memory.total, hardware.cpu.load.1min]", `meters: ["*"]`, 1)))
	if err != nil {
		b.Fatal(err)
	}
	sources, _, err := pollster.ReadSources("bench.yaml", []byte("sources: [{name: s, interval: 3600, meters: ['*']}]"))
	if err != nil {
		b.Fatal(err)
	}
	publishers := publish.NewSet(publish.Env{})
	line, err := pipeline.New(pipeline.Options{Config: conf, Open: publishers.Open})
	if err != nil {
		b.Fatal(err)
	}
	between := memory.New(memory.Config{MaxMessages: busMessages, MaxBytes: busBytes, MaxBatch: busBatch})
	writer := busWriter{to: between}
	// One scheduler never polls a cycle number twice, nor does a group.
	newCycle := func() (*pollster.Scheduler, *pollster.Groups) {
		groups := pollster.NewGroups(pollster.GroupsConfig{Coordinator: local.New(), Member: partition.Member{ID: "bench", Weight: 1}})
		scheduler, err := pollster.NewScheduler(pollster.Config{
			Sources: sources, Plugins: []pollster.Plugin{plugin}, Namespaces: []string{"bench"},
			Discoveries: []discovery.Plugin{{Name: "fleet", Namespaces: []string{"bench"}, New: func() (discovery.Discoverer, error) { return all, nil }}},
			Groups:      groups, Writer: writer, SampleSource: "openstack", Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			b.Fatal(err)
		}
		return scheduler, groups
	}

	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- lifecycle.Run(ctx, time.Minute,
			lifecycle.Stage{Name: "publishers", Run: publishers.Run},
			lifecycle.Stage{Name: "pipeline", Run: func(ctx context.Context) error {
				defer context.AfterFunc(ctx, between.Close)()
				return between.Receive(context.WithoutCancel(ctx), sampleTopic, line.Handle)
			}},
		)
	}()
	arrived := publishers.Test("test://")
	runtime.GC()
	cycles := 0
	b.ReportAllocs()
	for b.Loop() {
		cycles++
		scheduler, groups := newCycle()
		if err := errors.Join(scheduler.Once(ctx), groups.Leave(ctx)); err != nil {
			b.Fatal(err)
		}
		for count(arrived) < cycles*resources*meters {
			runtime.Gosched()
		}
	}
	b.ReportMetric(float64(cycles*resources*meters)/b.Elapsed().Seconds(), "samples/s")
	b.ReportMetric(peakResident(b), "peak-RSS-MB")
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if got, want := count(arrived), cycles*resources*meters; got != want {
		b.Fatalf("%d samples arrived, want %d", got, want)
	}
}

func count(t *publish.Test) int {
	samples, _ := t.Counts()
	return int(samples)
}

func pollServers(_ context.Context, servers []*server) iter.Seq2[metering.Sample, error] {
	return func(yield func(metering.Sample, error) bool) {
		names := make([]string, 10)
		for m := range names {
			names[m] = fmt.Sprintf("made.up.%d", m)
		}
		for _, s := range servers {
			for m, name := range names {
				if !yield(metering.Sample{
					Name: name, Type: metering.Cumulative, Unit: "ns", Volume: metering.Int(int64(m) << 54),
					ProjectID: metering.TextOf("9a3b1c0de5f64d2c8a7b"), UserID: metering.TextOf("0f5e7d3c9b1a48668c2d"),
					ResourceID: s.id, Metadata: s.metadata,
				}, nil) {
					return
				}
			}
		}
	}
}

// peakResident is the largest resident size of this process so far, in MB.
func peakResident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kib float64
	_, after, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(after, &kib); err != nil {
		b.Fatal(err)
	}
	return kib * 1024 / 1e6
}
