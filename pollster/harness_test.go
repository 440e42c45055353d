package pollster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/pollster"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const interval = 10 * time.Second

// sink is a Writer that keeps everything and can be told to fail.
type sink struct {
	mu      sync.Mutex
	fail    func(ctx context.Context, samples []metering.Sample) error // may be nil
	batches []written
}

type written struct {
	at      time.Time
	claims  []partition.Claim
	samples []metering.Sample
}

func (s *sink) Write(ctx context.Context, claims []partition.Claim, samples []metering.Sample) error {
	if s.fail != nil {
		if err := s.fail(ctx, samples); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = append(s.batches, written{time.Now(), slices.Clone(claims), slices.Clone(samples)})
	return nil
}

// all is every sample written so far.
func (s *sink) all() []metering.Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []metering.Sample
	for _, b := range s.batches {
		all = append(all, b.samples...)
	}
	return all
}

// of counts the samples of a meter.
func (s *sink) of(meter string) (n int) {
	for _, sample := range s.all() {
		if sample.Name == meter {
			n++
		}
	}
	return n
}

// record notes each poll independently of what the scheduler says about it.
type record struct {
	mu    sync.Mutex
	calls []call
}

type call struct {
	at   time.Duration // since the start of the test
	keys []string
}

func (r *record) note(since time.Time, rs []discovery.Resource) {
	keys := make([]string, len(rs))
	for i, res := range rs {
		keys[i] = res.ResourceKey()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call{time.Since(since), keys})
}

func (r *record) times() (at []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		at = append(at, c.at)
	}
	return at
}

// perCycle counts the polls of each resource in each interval since the start.
func (r *record) perCycle() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, c := range r.calls {
		for _, key := range c.keys {
			n[fmt.Sprintf("%s in cycle %d", key, c.at/interval)]++
		}
	}
	return n
}

type pollFunc func(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error]

func (f pollFunc) Poll(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
	return f(ctx, rs)
}

func gauge(meter, resource string) metering.Sample {
	return metering.Sample{Name: meter, Type: metering.Gauge, ResourceID: resource, Volume: metering.Int(1)}
}

// readings yields one sample per resource and meter.
func readings(meters ...string) pollFunc {
	return func(_ context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
		return func(yield func(metering.Sample, error) bool) {
			for _, r := range rs {
				for _, m := range meters {
					if !yield(gauge(m, r.ResourceKey()), nil) {
						return
					}
				}
			}
		}
	}
}

// before calls f with each poll.
func (f pollFunc) before(hook func(ctx context.Context, rs []discovery.Resource)) pollFunc {
	return func(ctx context.Context, rs []discovery.Resource) iter.Seq2[metering.Sample, error] {
		return func(yield func(metering.Sample, error) bool) {
			hook(ctx, rs)
			f(ctx, rs)(yield)
		}
	}
}

// plugin is a row whose default discovery is "things".
func plugin(name string, p pollster.Pollster, meters ...string) pollster.Plugin {
	row := pollster.Plugin{Name: name, Discovery: "things", New: func() (pollster.Pollster, error) { return p, nil }}
	for _, m := range meters {
		row.Meters = append(row.Meters, pollster.Meter{Name: m, Type: metering.Gauge})
	}
	return row
}

func source(t testing.TB, name string, meters ...string) pollster.Source {
	t.Helper()
	filter, err := metering.NewFilter(meters)
	if err != nil {
		t.Fatal(err)
	}
	return pollster.Source{Name: name, Interval: interval, Meters: filter, Splay: -1}
}

type discoverFunc func(ctx context.Context, param string) ([]discovery.Resource, error)

func (f discoverFunc) Discover(ctx context.Context, param string) ([]discovery.Resource, error) {
	return f(ctx, param)
}

func lists(name string, scope discovery.Scope, f discoverFunc) discovery.Plugin {
	return discovery.Plugin{Name: name, Scope: scope, New: func() (discovery.Discoverer, error) { return f, nil }}
}

func resources(keys ...string) []discovery.Resource {
	var rs []discovery.Resource
	for _, key := range keys {
		rs = append(rs, discovery.Static(key))
	}
	return rs
}

func numbered(prefix string, n int) []discovery.Resource {
	rs := make([]discovery.Resource, n)
	for i := range rs {
		rs[i] = discovery.Static(fmt.Sprintf("%s/%d", prefix, i))
	}
	return rs
}

// things is a local discovery that yields the same list for ever.
func things(keys ...string) discovery.Plugin {
	return lists("things", discovery.Local, func(context.Context, string) ([]discovery.Resource, error) {
		return resources(keys...), nil
	})
}

// groups are those of a member, which leaves them at the end of the test.
func groups(t testing.TB, c partition.Coordinator, id string) *pollster.Groups {
	t.Helper()
	gs := pollster.NewGroups(pollster.GroupsConfig{Coordinator: c, Member: partition.Member{ID: id, Weight: 1}})
	t.Cleanup(func() {
		if err := gs.Leave(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return gs
}

// bench is a scheduler under test: no splay unless the test asks for it.
type bench struct {
	*pollster.Scheduler
	sink    *sink
	log     *buffer
	metrics *prometheus.Registry
	begun   time.Time
}

func newBench(t *testing.T, c pollster.Config) *bench {
	t.Helper()
	b := &bench{log: &buffer{}, metrics: prometheus.NewPedanticRegistry(), begun: time.Now()}
	if c.Writer == nil {
		c.Writer = &sink{}
	}
	b.sink, _ = c.Writer.(*sink)
	if c.Splay == 0 {
		c.Splay = -1
	}
	if c.Discoveries == nil {
		c.Discoveries = []discovery.Plugin{things("a", "b")}
	}
	c.Logger = slog.New(slog.NewTextHandler(b.log, nil))
	c.Metrics = pollster.NewMetrics(b.metrics)
	var err error
	if b.Scheduler, err = pollster.NewScheduler(c); err != nil {
		t.Fatal(err)
	}
	return b
}

// runFor runs the scheduler and returns how long Run took to end after that.
func (b *bench) runFor(t *testing.T, d time.Duration) time.Duration {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	defer time.AfterFunc(d, cancel).Stop()
	if err := b.Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	return time.Since(b.begun) - d
}

// value is the sum of a metric's series that have all the given label values.
func (b *bench) value(t *testing.T, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "ringmeter_pollster_"+name && f.GetName() != "ringmeter_ring_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			var has []string
			for _, l := range m.GetLabel() {
				has = append(has, l.GetValue())
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(has, l) }) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (b *bench) check(t *testing.T, want map[string]float64) {
	t.Helper()
	for _, series := range slices.Sorted(maps.Keys(want)) {
		fields := strings.Fields(series)
		if got := b.value(t, fields[0], fields[1:]...); got != want[series] {
			t.Errorf("%s = %v, want %v", series, got, want[series])
		}
	}
}

// logged counts the lines that contain text.
func (b *bench) logged(text string) int { return b.log.count(text) }

type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) count(text string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.buf.String(), text)
}

func seconds(s ...float64) (ds []time.Duration) {
	for _, each := range s {
		ds = append(ds, time.Duration(each*float64(time.Second)))
	}
	return ds
}

var errDown = errors.New("down")

// writerFunc is a Writer that keeps nothing.
type writerFunc func(ctx context.Context, samples []metering.Sample) error

func (f writerFunc) Write(ctx context.Context, _ []partition.Claim, samples []metering.Sample) error {
	return f(ctx, samples)
}

var errRefused = errors.New("refused")

// counting is a Writer that counts.
type counting struct{ n int }

func (c *counting) Write(_ context.Context, _ []partition.Claim, samples []metering.Sample) error {
	c.n += len(samples)
	return nil
}

func fixed(list []discovery.Resource) discoverFunc {
	return func(context.Context, string) ([]discovery.Resource, error) { return list, nil }
}
