package pollster_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

// cluster is workers that share a coordinator and a place to write to.
type cluster struct {
	*local.Backend
	sink *sink
}

func newCluster() *cluster { return &cluster{Backend: local.NewBackend(), sink: &sink{}} }

// process is one worker of a cluster, from its start to its end.
type process struct {
	*bench
	groups *pollster.Groups
	dead   atomic.Bool // nothing it asks or writes arrives any more
	cancel context.CancelFunc
	ended  chan struct{}
}

// start starts a worker. The configuration lacks what makes it one of the cluster.
func (cl *cluster) start(t *testing.T, id string, c pollster.Config) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	coordinator, err := worker.New(cut{cl.Backend, &p.dead}, worker.Config{Settings: partition.DefaultSettings(), Settle: -1})
	if err != nil {
		t.Fatal(err)
	}
	c.Writer = mortal{cl.sink, &p.dead}
	p.groups = pollster.NewGroups(pollster.GroupsConfig{Coordinator: coordinator, Member: partition.Member{ID: id, Weight: 1}})
	c.Groups = p.groups
	p.bench = newBench(t, c)
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(t.Context())
	go func() {
		defer close(p.ended)
		if err := p.Run(ctx); err != nil {
			t.Errorf("worker %s: %v", id, err)
		}
		if err := p.groups.Leave(ctx); err != nil && !p.dead.Load() {
			t.Errorf("worker %s: %v", id, err)
		}
	}()
	t.Cleanup(p.stop)
	return p
}

// stop asks the worker to end, and waits.
func (p *process) stop() { p.cancel(); <-p.ended }

// kill ends the worker as a crash does: nobody hears of it.
func (p *process) kill() { p.dead.Store(true); p.stop() }

var errDead = errors.New("the process is dead")

// mortal is a Writer that dies with its process.
type mortal struct {
	pollster.Writer
	dead *atomic.Bool
}

func (m mortal) Write(ctx context.Context, claims []partition.Claim, samples []metering.Sample) error {
	if m.dead.Load() {
		return errDead
	}
	return m.Writer.Write(ctx, claims, samples)
}

// cut is a Backend that does not hear a process that is dead.
type cut struct {
	*local.Backend
	dead *atomic.Bool
}

func (c cut) Group(name string) steps.Store { return cutStore{c.Backend.Group(name), c.dead} }

type cutStore struct {
	steps.Store
	dead *atomic.Bool
}

func (s cutStore) err() error {
	if s.dead.Load() {
		return errDead
	}
	return nil
}

func (s cutStore) Beat(ctx context.Context, r steps.Beat) (steps.Beaten, error) {
	if err := s.err(); err != nil {
		return steps.Beaten{}, err
	}
	return s.Store.Beat(ctx, r)
}

func (s cutStore) Leave(ctx context.Context, r steps.Caller) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Leave(ctx, r)
}

func (s cutStore) Begin(ctx context.Context, r steps.Begin) (steps.Begun, error) {
	if err := s.err(); err != nil {
		return steps.Begun{}, err
	}
	return s.Store.Begin(ctx, r)
}

func (s cutStore) Claim(ctx context.Context, r steps.Claim) (steps.Parts, error) {
	if err := s.err(); err != nil {
		return steps.Parts{}, err
	}
	return s.Store.Claim(ctx, r)
}

func (s cutStore) Settle(ctx context.Context, r steps.Settle) (steps.Parts, error) {
	if err := s.err(); err != nil {
		return steps.Parts{}, err
	}
	return s.Store.Settle(ctx, r)
}

func (s cutStore) Backfill(ctx context.Context, r steps.Backfill) (steps.Status, error) {
	if err := s.err(); err != nil {
		return steps.OK, err
	}
	return s.Store.Backfill(ctx, r)
}

// everyCycle checks that each resource was sampled once in each of the first cycles.
func (cl *cluster) everyCycle(t *testing.T, meter string, resources, cycles int, every time.Duration) {
	t.Helper()
	counts := map[string]int{}
	samples := cl.sink.all()
	for _, s := range samples {
		if s.Name == meter {
			counts[s.ID]++
		}
	}
	first := midnight().UnixNano() / int64(every)
	missing, doubled := 0, 0
	for k := range cycles {
		for _, r := range numbered("shared", resources) {
			switch n := counts[metering.SampleID("s", r.ResourceKey(), meter, first+int64(k), 0)]; {
			case n == 0:
				missing++
			case n > 1:
				doubled++
			}
		}
	}
	if missing > 0 || doubled > 0 {
		t.Errorf("meter %s: of %d (resource, cycle) %d were not sampled and %d more than once", meter, resources*cycles, missing, doubled)
	}
}
