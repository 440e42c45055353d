package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ringmeter/ringmeter/bus/memory"
	"github.com/ringmeter/ringmeter/internal/lifecycle"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pollster"
)

// Bounds of the bus between pollsters and pipeline: what may be sampled and not yet
// published. Pollsters wait when it is full.
const (
	busMessages = 1024
	busBytes    = 32 << 20
	busBatch    = 16 // messages a handler gets at once
)

// generation is what one configuration runs: the picture of the package comment, from
// the pollsters to the pipeline. A reload replaces it whole; publishers live on, and so
// does the standing unless its options have changed.
type generation struct {
	settings  *settings
	standing  *standing
	stays     atomic.Bool // the generation that follows has the same standing
	scheduler *pollster.Scheduler
	bus       *memory.Bus
	pipeline  *pipeline.Pipeline
	logger    *slog.Logger
}

// lasting is what outlives a generation, so that counters go on and no cycle is polled
// twice.
type lasting struct {
	pollster     *pollster.Metrics
	pipeline     *pipeline.Metrics
	coordination *worker.Metrics
	history      *pollster.History
}

// newGeneration puts the parts together, last one first; it starts nothing.
func newGeneration(s *settings, place *standing, publishers *publish.Set, l lasting, logger *slog.Logger) (*generation, error) {
	p, err := pipeline.New(pipeline.Options{
		Config:  s.pipeline,
		Open:    publishers.Open,
		Metrics: l.pipeline,
		Logger:  logger.With("component", "pipeline"),
	})
	if err != nil {
		return nil, fmt.Errorf("building the pipeline of %s: %w", s.pipelineFile, err)
	}
	between := memory.New(memory.Config{MaxMessages: busMessages, MaxBytes: busBytes, MaxBatch: busBatch, Logger: logger.With("component", "bus")})
	writer := busWriter{to: between}
	if place.url != "" {
		writer.settled = between.Settled
	}
	scheduler, err := newScheduler(s, writer, place.groups, l, logger)
	if err != nil {
		return nil, err
	}
	return &generation{
		settings: s, standing: place, scheduler: scheduler, bus: between, pipeline: p, logger: logger,
	}, nil
}

// newScheduler makes the polling half for one configuration.
func newScheduler(s *settings, to pollster.Writer, groups *pollster.Groups, l lasting, logger *slog.Logger) (*pollster.Scheduler, error) {
	splay := s.conf.Float("ringmeter", "splay") / 100
	if splay == 0 {
		splay = -1 // none, where 0 stands for the default
	}
	scheduler, err := pollster.NewScheduler(pollster.Config{
		Sources:        s.sources,
		Plugins:        within(s.tables.pollsters(), s.namespaces),
		Discoveries:    s.tables.discoveries(s.host),
		Groups:         groups,
		GroupPrefix:    s.conf.String("polling", "partitioning_group_prefix"),
		Namespaces:     s.namespaces,
		ShareDiscovery: s.conf.Bool("ringmeter", "share_discovery"),
		Writer:         to,
		SampleSource:   s.conf.String("DEFAULT", "sample_source"),
		BatchSize:      max(s.conf.Int("polling", "batch_size"), 1), // 0 is one by one, as in Ceilometer
		Concurrency:    s.conf.Int("polling", "threads_to_process_pollsters"),
		Splay:          splay,
		Drain:          s.drain(),
		Logger:         logger.With("component", "pollster"),
		Metrics:        l.pollster,
		History:        l.history,
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the polling of %s: %w", s.pollingFile, err)
	}
	return scheduler, nil
}

// Run polls and publishes until ctx ends: then it stops polling first, leaves the groups
// so that others take over at once, and empties the bus into the pipeline.
func (g *generation) Run(ctx context.Context) error {
	return lifecycle.Run(ctx, g.settings.drain()+grace,
		lifecycle.Stage{Name: "pipeline", Run: g.publish},
		lifecycle.Stage{Name: "coordination", Run: g.stand},
		lifecycle.Stage{Name: "pollsters", Run: g.scheduler.Run},
	)
}

// stand keeps this worker in its groups until ctx ends.
func (g *generation) stand(ctx context.Context) error {
	<-ctx.Done()
	if g.stays.Load() {
		return nil
	}
	if err := g.standing.leave(ctx, max(g.settings.drain(), time.Second)); err != nil {
		// The others find out at the end of the lease; nothing of this worker is lost.
		g.logger.Warn("groups could not be left", "err", err)
	}
	return nil
}

// publish hands what is on the bus to the pipeline. When ctx ends it takes what is
// still on the bus, so that nothing sampled is left behind.
func (g *generation) publish(ctx context.Context) error {
	defer context.AfterFunc(ctx, g.bus.Close)()
	drained, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(g.settings.drain(), cancel) })()
	err := g.bus.Receive(drained, sampleTopic, g.pipeline.Handle)
	for _, topic := range g.bus.Stats() {
		if left := topic.Queued + topic.InFlight; left > 0 {
			g.logger.Error("messages left on the bus at the end of the drain time", "topic", topic.Topic, "messages", left)
		}
	}
	return err
}
