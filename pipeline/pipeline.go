package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/metering"
)

// Publisher takes items away: T is metering.Sample (or an event).
type Publisher[T any] interface {
	// Publish returns nil when the publisher has taken responsibility for all items. The
	// slice is the caller's again afterwards; an implementation that keeps items copies it.
	Publish(ctx context.Context, items []T) error
}

// Options is what a Pipeline is made of.
type Options struct {
	Config *Config
	// Open gives the publisher of a URL; the same one for the same text.
	Open    func(url string) (Publisher[metering.Sample], error)
	Metrics *Metrics     // nil: counted, shown nowhere
	Logger  *slog.Logger // nil: silent
}

// Pipeline hands samples to the sinks of the sources that match them. It is safe for
// concurrent use and starts no goroutine that outlives a call of Handle.
type Pipeline struct {
	lanes   []lane
	outlets []outlet[metering.Sample]
	sinks   []sink[metering.Sample]
	work    sync.Pool // of *work
	taken   taken
	metrics *Metrics
	logger  *slog.Logger

	mu        sync.Mutex // over what follows
	routes    *routes
	rejecting bool // the last message could not be used
}

// New opens every publisher of cfg.Config. It reports all that cannot be opened.
func New(o Options) (*Pipeline, error) {
	p := &Pipeline{metrics: o.Metrics, logger: o.Logger}
	if p.metrics == nil {
		p.metrics = NewMetrics(nil)
	}
	if p.logger == nil {
		p.logger = slog.New(slog.DiscardHandler)
	}
	var faults []error
	for _, s := range o.Config.Sinks {
		opened := sink[metering.Sample]{name: s.Name}
		for _, ref := range s.Publishers {
			shown := config.RedactURL(ref.URL)
			to, err := o.Open(ref.URL)
			if err != nil {
				faults = append(faults, fmt.Errorf("opening publisher %s of sink %q: %w", shown, s.Name, err))
				continue
			}
			opened.publishers = append(opened.publishers, named[metering.Sample]{ref: ref.URL, url: shown, to: to})
		}
		p.sinks = append(p.sinks, opened)
	}
	for _, s := range o.Config.Sources {
		for _, name := range s.Sinks {
			i := slices.IndexFunc(p.sinks, func(k sink[metering.Sample]) bool { return k.name == name })
			if i < 0 {
				faults = append(faults, fmt.Errorf("source %q: there is no sink %q", s.Name, name))
				continue
			}
			p.sinks[i].sources = append(p.sinks[i].sources, s.Name)
			p.lanes = append(p.lanes, lane{source: s.Name, sink: i, meters: s.Meters})
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	p.outlets = outlets(p.lanes, p.sinks, p.metrics)
	p.routes = newRoutes(p.lanes, p.metrics)
	p.work.New = func() any {
		return &work{lanes: make([][]metering.Sample, len(p.lanes)), copies: make([][]metering.Sample, len(p.lanes))}
	}
	return p, nil
}
