package pipeline_test

import (
	"context"
	"sync"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
)

// configPart is a source or a sink.
type configPart func(*pipeline.Config)

func config(parts ...configPart) *pipeline.Config {
	cfg := &pipeline.Config{}
	for _, p := range parts {
		p(cfg)
	}
	return cfg
}

func source(name, sink string, patterns ...string) configPart {
	return func(cfg *pipeline.Config) {
		f, err := metering.NewFilter(patterns)
		if err != nil {
			panic(err)
		}
		cfg.Sources = append(cfg.Sources, pipeline.SourceConfig{Name: name, Meters: f, Sinks: []string{sink}})
	}
}

func sink(name string, urls ...string) configPart {
	return func(cfg *pipeline.Config) {
		s := pipeline.SinkConfig{Name: name}
		for _, u := range urls {
			s.Publishers = append(s.Publishers, pipeline.PublisherRef{URL: u})
		}
		cfg.Sinks = append(cfg.Sinks, s)
	}
}

// fake is a publisher whose answer a test chooses.
type fake struct {
	publish func(ctx context.Context, call int) error // nil: always nil

	mu    sync.Mutex
	calls int
	ids   []string // of what was taken
}

func (f *fake) Publish(ctx context.Context, items []metering.Sample) error {
	f.mu.Lock()
	call := f.calls
	f.calls++
	f.mu.Unlock()
	if f.publish != nil {
		if err := f.publish(ctx, call); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range items {
		f.ids = append(f.ids, items[i].Name+"/"+items[i].ResourceID)
	}
	return nil
}

// fakes opens fakes by URL.
type fakes map[string]*fake

func (f fakes) Open(url string) (pipeline.Publisher[metering.Sample], error) {
	if f[url] == nil {
		f[url] = &fake{}
	}
	return f[url], nil
}

func build(t *testing.T, o pipeline.Options) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// message is one with a sample for each meter.
func message(id string, meters ...string) bus.Message {
	var batch []metering.Sample
	for _, m := range meters {
		batch = append(batch, small(m, id))
	}
	return bus.Message{ID: id, Payload: metering.AppendBatch(nil, batch)}
}
