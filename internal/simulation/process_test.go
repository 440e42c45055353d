package simulation

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

// process is one life of a poller: the real one but for what is outside of it.
type process struct {
	world  *world
	id     string
	gate   *gate
	link   *link
	mute   atomic.Bool // does not answer other members
	groups *pollster.Groups
	stop   context.CancelFunc
	over   chan struct{} // closed when Run and Leave have returned

	mu     sync.Mutex
	rand   *rand.Rand
	pace   time.Duration // most that the poll of a resource takes
	status func() pollster.Status
}

// start begins a life.
func (w *world) start(id string) *process {
	w.lives++
	p := &process{world: w, id: id, gate: newGate(), pace: w.pace, over: make(chan struct{}),
		rand: rand.New(rand.NewPCG(w.seed, uint64(w.lives)))}
	p.link = &link{coordinator: w.coordinator, gate: p.gate, rand: rand.New(rand.NewPCG(w.seed, uint64(w.lives)<<32)),
		how: w.outage}
	log := w.logger(id)

	c, err := worker.New(p.link, worker.Config{Settings: settings(), Ask: p.ask, Logger: log})
	if err != nil {
		w.t.Fatal(err)
	}
	p.groups = pollster.NewGroups(pollster.GroupsConfig{Coordinator: c, Logger: log,
		Member: partition.Member{ID: id, Weight: 1, Address: "sim://" + id}})
	meters, err := metering.NewFilter([]string{"*"})
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := pollster.NewScheduler(pollster.Config{
		Sources: []pollster.Source{{Name: "source", Interval: interval, Meters: meters, Splay: -1,
			Discovery: []discovery.Ref{{Name: "things"}}}},
		Plugins: []pollster.Plugin{{Name: "plugin", PerResource: true, Meters: []pollster.Meter{{Name: "meter"}},
			New: func() (pollster.Pollster, error) { return p, nil }}},
		Discoveries: []discovery.Plugin{{Name: "things", Decode: decode,
			New: func() (discovery.Discoverer, error) { return p, nil }}},
		Groups: p.groups, Namespaces: []string{"central"}, ShareDiscovery: w.share,
		Writer: p, BatchSize: 20, Drain: 20 * time.Second, Logger: log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	p.status = s.Status
	ctx, stop := context.WithCancel(w.t.Context())
	p.stop = stop
	go func() {
		defer close(p.over)
		if err := s.Run(ctx); err != nil {
			w.note("%s: Run: %v", id, err)
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := p.groups.Leave(limited); err != nil {
			w.note("%s: Leave: %v", id, err)
		}
	}()
	w.running[id] = p
	w.record.meet(id, p)
	return p
}

// kill ends a life as kill -9 does.
func (w *world) kill(id string) {
	p := w.running[id]
	delete(w.running, id)
	w.record.meet(id, nil)
	p.gate.kill()
	p.stop()
	w.gone = append(w.gone, p)
}

// leave ends a life as SIGTERM does and waits for it.
func (w *world) leave(id string) {
	p := w.running[id]
	delete(w.running, id)
	w.record.meet(id, nil)
	p.stop()
	<-p.over
}

// ask asks other members whether they reach the coordinator.
func (p *process) ask(ctx context.Context, group string, addresses []string) (a worker.Answers) {
	if p.gate.pass(ctx) != nil {
		return a
	}
	for _, address := range addresses {
		other := p.world.find(address)
		if other == nil || other.mute.Load() || p.mute.Load() || other.gate.frozen() {
			continue
		}
		a.Answered++
		for _, g := range other.status().Groups {
			if g.Ring != nil && g.Name == group {
				a.Epoch = max(a.Epoch, g.Ring.View().Epoch)
			}
			if g.Joined && g.Name == group && g.State.Mode == partition.Linked {
				a.Linked++
			}
		}
	}
	return a
}

// thing is a resource.
type thing string

func (t thing) ResourceKey() string { return string(t) }

func decode(data []byte) (discovery.Resource, error) {
	return thing(data[1 : len(data)-1]), nil // a JSON string without anything to escape
}

// Discover lists all things.
func (p *process) Discover(ctx context.Context, _ string) ([]discovery.Resource, error) {
	if err := p.gate.pass(ctx); err != nil {
		return nil, err
	}
	if err := wait(ctx, p.within(2*time.Second)); err != nil {
		return nil, err
	}
	p.world.listed()
	things := make([]discovery.Resource, resources)
	for i := range things {
		things[i] = thing(name(i))
	}
	return things, nil
}

func name(i int) string { return fmt.Sprintf("thing-%03d", i) }

// within is a time up to d.
func (p *process) within(d time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(p.rand.Int64N(int64(d) + 1))
}

func (p *process) paced() time.Duration {
	p.mu.Lock()
	pace := p.pace
	p.mu.Unlock()
	return p.within(pace)
}

// Poll takes its time for each resource.
func (p *process) Poll(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
	return func(yield func(metering.Sample, error) bool) {
		for _, r := range rs {
			if err := wait(ctx, p.paced()); err != nil {
				return
			}
			if p.gate.pass(ctx) != nil {
				return
			}
			if !yield(metering.Sample{Name: "meter", Type: metering.Gauge, ResourceID: r.ResourceKey(), Volume: metering.Int(1)}, nil) {
				return
			}
		}
	}
}

// Write is where samples leave the process.
func (p *process) Write(ctx context.Context, _ []partition.Claim, samples []metering.Sample) error {
	if err := p.gate.pass(ctx); err != nil {
		return err
	}
	p.world.record.add(p.id, samples)
	return nil
}

func (w *world) logger(id string) *slog.Logger {
	return slog.New(slog.NewTextHandler(storyteller{w, id}, &slog.HandlerOptions{Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
}

// storyteller makes the log of a process part of the story.
type storyteller struct {
	world *world
	id    string
}

func (s storyteller) Write(line []byte) (int, error) {
	s.world.note("%s: %s", s.id, line[:len(line)-1])
	return len(line), nil
}

func settings() partition.Settings {
	return partition.Settings{Partitions: partitions, ReplicationFactor: 20, LargeReplicationFactor: 20, Load: 1.25}
}
