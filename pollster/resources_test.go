package pollster_test

import (
	"context"

	"fmt"

	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/pollster"
)

// What is polled for a source, as a table. Samples are written as "source meter resource".
func TestCandidates(t *testing.T) {
	with := func(s pollster.Source, static []discovery.Static, refs ...string) pollster.Source {
		s.Resources = static
		for _, text := range refs {
			ref, err := discovery.ParseRef(text)
			if err != nil {
				t.Fatal(err)
			}
			s.Discovery = append(s.Discovery, ref)
		}
		return s
	}
	discoveries := []discovery.Plugin{
		things("a", "b"),
		lists("param", discovery.Shared, func(_ context.Context, param string) ([]discovery.Resource, error) {
			return resources(strings.Fields(param)...), nil
		}),
		lists("down", discovery.Shared, func(context.Context, string) ([]discovery.Resource, error) { return nil, errDown }),
		lists("nil", discovery.Shared, func(context.Context, string) ([]discovery.Resource, error) {
			return []discovery.Resource{discovery.Static("x"), nil, discovery.Static("y")}, nil
		}),
	}
	for name, test := range map[string]struct {
		sources []pollster.Source
		want    []string
		calls   int // of the pollster
	}{
		"default discovery":      {[]pollster.Source{source(t, "s", "m")}, []string{"s m a", "s m b"}, 1},
		"static":                 {[]pollster.Source{with(source(t, "s", "m"), []discovery.Static{"x", "x", "y"})}, []string{"s m x", "s m y"}, 1},
		"discovery":              {[]pollster.Source{with(source(t, "s", "m"), nil, "param:c d")}, []string{"s m c", "s m d"}, 1},
		"both":                   {[]pollster.Source{with(source(t, "s", "m"), []discovery.Static{"c"}, "param:c d", "param:e")}, []string{"s m c", "s m d", "s m e"}, 1},
		"fallback when empty":    {[]pollster.Source{with(source(t, "s", "m"), nil, "param")}, []string{"s m a", "s m b"}, 1},
		"failing":                {[]pollster.Source{with(source(t, "s", "m"), nil, "param:c", "down")}, nil, 0},
		"failing beside static":  {[]pollster.Source{with(source(t, "s", "m"), []discovery.Static{"x"}, "down")}, nil, 0},
		"unknown":                {[]pollster.Source{with(source(t, "s", "m"), nil, "nowhere")}, nil, 0},
		"a nil resource":         {[]pollster.Source{with(source(t, "s", "m"), nil, "nil"), source(t, "t", "m")}, []string{"s m x", "s m y", "t m a", "t m b"}, 2},
		"one source fails":       {[]pollster.Source{with(source(t, "s", "m"), nil, "down"), source(t, "t", "m")}, []string{"t m a", "t m b"}, 1},
		"two sources, same":      {[]pollster.Source{source(t, "s", "m"), source(t, "t", "m")}, []string{"s m a", "s m b"}, 1},
		"two sources, meters":    {[]pollster.Source{source(t, "s", "m"), source(t, "t", "*")}, []string{"s m a", "s m b", "t n a", "t n b"}, 1},
		"two sources, overlap":   {[]pollster.Source{with(source(t, "s", "n"), []discovery.Static{"b", "c"}), source(t, "t", "*")}, []string{"s n b", "s n c", "t m a", "t m b", "t n a"}, 3},
		"by the plugin's name":   {[]pollster.Source{source(t, "s", "p")}, []string{"s m a", "s m b", "s n a", "s n b"}, 1},
		"all but one":            {[]pollster.Source{source(t, "s", "!n")}, []string{"s m a", "s m b"}, 1},
		"all of them excluded":   {[]pollster.Source{source(t, "s", "!n", "!m")}, nil, 0},
		"another meter":          {[]pollster.Source{source(t, "s", "cpu")}, nil, 0},
		"three sources, one set": {[]pollster.Source{source(t, "s", "x"), source(t, "t", "n"), source(t, "u", "m")}, []string{"t n a", "t n b", "u m a", "u m b"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			b := newBench(t, pollster.Config{
				Sources: test.sources, Discoveries: discoveries, SampleSource: "ours",
				Plugins: []pollster.Plugin{plugin("p", readings("m", "n").before(func(context.Context, []discovery.Resource) { calls.Add(1) }), "m", "n")},
			})
			k := time.Now().Unix() / 10
			if err := b.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range b.sink.all() {
				owner := "?"
				for _, src := range test.sources {
					for _, k := range []int64{k, k + 1} { // the clock runs
						if s.ID == metering.SampleID(src.Name, s.ResourceID, s.Name, k, 0) {
							owner = src.Name
						}
					}
				}
				if s.Source != "ours" {
					t.Errorf("source %q", s.Source)
				}
				got = append(got, fmt.Sprint(owner, " ", s.Name, " ", s.ResourceID))
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			if int(calls.Load()) != test.calls {
				t.Errorf("%d polls, want %d", calls.Load(), test.calls)
			}
		})
	}
}

// Several samples of one meter and resource in a poll have ids of their own, and a plugin
// that lists no meters may yield any.
func TestRepeatedSamples(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, pollster.Config{
			Sources: []pollster.Source{source(t, "s", "dyn*")}, Discoveries: []discovery.Plugin{things("a")},
			Plugins: []pollster.Plugin{plugin("dynamic", readings("m", "m", "n", "m"))},
		})
		b.runFor(t, 15*time.Second)
		var got, want []string
		for _, s := range b.sink.all() {
			got = append(got, s.ID)
		}
		for cycle := range int64(2) {
			for _, each := range []struct {
				meter string
				n     int
			}{{"m", 0}, {"m", 1}, {"n", 0}, {"m", 2}} {
				want = append(want, metering.SampleID("s", "a", each.meter, midnight().Unix()/10+cycle, each.n))
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ids (-want +got):\n%s", diff)
		}
		b.check(t, map[string]float64{"samples_total dynamic written": 8})
	})
}

// A discovery is listed once per task and cycle, and its failure is one line.
func TestDiscoveryIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		down := lists("things", discovery.Shared, func(context.Context, string) ([]discovery.Resource, error) {
			if calls.Add(1) <= 2 {
				return nil, errDown
			}
			return resources("a"), nil
		})
		b := newBench(t, pollster.Config{
			Sources:     []pollster.Source{source(t, "s", "*"), source(t, "t", "*")},
			Discoveries: []discovery.Plugin{down},
			Plugins:     []pollster.Plugin{plugin("p", readings("m"), "m"), plugin("q", readings("n"), "n")},
		})
		b.runFor(t, 45*time.Second)
		if calls.Load() != 5 || b.sink.of("m") != 3 || b.sink.of("n") != 3 {
			t.Errorf("%d listings, %d and %d samples; want 5, 3 and 3", calls.Load(), b.sink.of("m"), b.sink.of("n"))
		}
		b.check(t, map[string]float64{"discovery_errors_total things": 2, "discovery_duration_seconds things": 5})
		if b.logged("discovery fails") != 1 || b.logged("discovery has recovered") != 1 {
			t.Errorf("log:\n%s", &b.log.buf)
		}
	})
}

func TestFaults(t *testing.T) {
	broken := plugin("broken", nil, "x")
	broken.New = func() (pollster.Pollster, error) { return nil, errDown }
	panics := plugin("panics", nil, "y")
	panics.New = func() (pollster.Pollster, error) { panic("boom") }
	badRef := plugin("badref", readings("z"), "z")
	badRef.Discovery = "a b"
	b := newBench(t, pollster.Config{
		Sources: []pollster.Source{source(t, "s", "*"), source(t, "typo", "cpuu")},
		Plugins: []pollster.Plugin{broken, panics, badRef, plugin("p", readings("m"), "m"), plugin("p", readings("m"), "m")},
		Discoveries: []discovery.Plugin{
			{Name: "unused", New: func() (discovery.Discoverer, error) { return nil, errDown }}, things("a"),
		},
	})
	want := []string{
		`constructing pollster "broken": down`,
		`constructing pollster "panics": panic: boom`,
		`constructing pollster "badref": default discovery "a b": not a discovery (name or name:parameter)`,
		`constructing pollster "p": the name is taken`,
		`source "typo" selects no meter that this poller has`,
	}
	if diff := cmp.Diff(want, b.Status().Faults); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
	if err := b.Once(t.Context()); err != nil || b.sink.of("m") != 1 {
		t.Errorf("Once: %v, %d samples; want one of what is left", err, b.sink.of("m"))
	}
	st := b.Status()
	if len(st.Pollsters) != 1 || !slices.Equal(st.Sources[0].Pollsters, []string{"p"}) || st.Sources[1].Pollsters != nil ||
		st.Pollsters[0].Samples != 1 || st.Pollsters[0].Resources != 1 {
		t.Errorf("status: %+v", st)
	}
}

func TestConfigRefused(t *testing.T) {
	good := source(t, "s", "*")
	late := good
	late.Splay = 1.5
	never := good
	never.Interval = 0
	for name, c := range map[string]pollster.Config{
		"no writer":   {Sources: []pollster.Source{good}},
		"splay":       {Writer: &sink{}, Sources: []pollster.Source{late}},
		"interval":    {Writer: &sink{}, Sources: []pollster.Source{never}},
		"no filter":   {Writer: &sink{}, Sources: []pollster.Source{{Name: "s", Interval: time.Second}}},
		"no id":       {Writer: &sink{}, Groups: groups(t, local.New(), "")},
		"concurrency": {Writer: &sink{}, Concurrency: -1},
	} {
		if _, err := pollster.NewScheduler(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := pollster.NewScheduler(pollster.Config{Writer: &sink{}}); err != nil {
		t.Errorf("nothing to poll: %v", err)
	}
}
