package pipeline_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
)

func TestHandleRoutes(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  *pipeline.Config
		want map[string][]string // by URL
	}{
		{"everything to one", config(source("s", "k", "*"), sink("k", "a://")),
			map[string][]string{"a://": {"cpu/1", "memory/1", "cpu/2", "disk/2"}}},
		{"a part", config(source("s", "k", "cpu", "d*"), sink("k", "a://")),
			map[string][]string{"a://": {"cpu/1", "cpu/2", "disk/2"}}},
		{"all but", config(source("s", "k", "!cpu"), sink("k", "a://")),
			map[string][]string{"a://": {"memory/1", "disk/2"}}},
		{"nothing", config(source("s", "k", "x"), sink("k", "a://")), map[string][]string{"a://": nil}},
		{"all publishers of a sink", config(source("s", "k", "disk"), sink("k", "a://", "b://")),
			map[string][]string{"a://": {"disk/2"}, "b://": {"disk/2"}}},
		{"two sources, one sink: twice", config(source("s", "k", "cpu"), source("t", "k", "*"), sink("k", "a://")),
			map[string][]string{"a://": {"cpu/1", "cpu/2", "cpu/1", "memory/1", "cpu/2", "disk/2"}}},
		{"two sinks, one publisher", config(source("s", "k", "cpu"), source("t", "l", "memory"), sink("k", "a://"), sink("l", "a://")),
			map[string][]string{"a://": {"cpu/1", "cpu/2", "memory/1"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			open := fakes{}
			p := build(t, pipeline.Options{Config: c.cfg, Open: open.Open})
			for range 2 { // the second time from memory
				for _, f := range open {
					f.ids = nil
				}
				b := &bus.Batch{Messages: []bus.Message{message("1", "cpu", "memory"), message("2", "cpu", "disk")}}
				if err := p.Handle(t.Context(), b); err != nil {
					t.Fatal(err)
				}
				got := map[string][]string{}
				for url, f := range open {
					got[url] = f.ids
				}
				if d := cmp.Diff(c.want, got); d != "" {
					t.Errorf("published (-want +got):\n%s", d)
				}
			}
		})
	}
}

// Routing shares and copies slices; any mixture must give what a plain filter gives.
func TestHandleRoutesLikeFilters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		meter := rapid.SampledFrom([]string{"a", "ab", "b", "bc", "c"})
		pattern := rapid.SampledFrom([]string{"a*", "*b", "b", "c", "?c"})
		first := rapid.SliceOfNDistinct(pattern, 1, 3, rapid.ID).Draw(t, "first")
		second := rapid.SliceOfNDistinct(pattern, 1, 3, rapid.ID).Draw(t, "second")
		open := fakes{}
		p, err := pipeline.New(pipeline.Options{Open: open.Open,
			Config: config(source("s", "k", first...), source("t", "l", second...), sink("k", "k://"), sink("l", "l://"))})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{}
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			b := &bus.Batch{}
			for range rapid.IntRange(1, 3).Draw(t, "messages") {
				meters := rapid.SliceOfN(meter, 0, 5).Draw(t, "meters")
				b.Messages = append(b.Messages, message("id", meters...))
				for url, patterns := range map[string][]string{"k://": first, "l://": second} {
					f, _ := metering.NewFilter(patterns)
					for _, m := range meters {
						if f.Match(m) {
							want[url] = append(want[url], m+"/id")
						}
					}
				}
			}
			if err := p.Handle(context.Background(), b); err != nil {
				t.Fatal(err)
			}
		}
		for url, f := range open {
			if !slices.Equal(f.ids, want[url]) {
				t.Errorf("%s got %q, want %q", url, f.ids, want[url])
			}
		}
	})
}

func TestHandleRejectsWhatItCannotRead(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	open := fakes{}
	p := build(t, pipeline.Options{Config: config(source("s", "k", "cpu", "null"), sink("k", "a://")),
		Open: open.Open, Metrics: pipeline.NewMetrics(reg)})
	null := small("null", "4")
	null.Volume = metering.Volume{}
	partly := message("2", "cpu")
	partly.Payload = []byte(strings.Replace(string(partly.Payload), `[{`, `[{"counter_name":"x"},{`, 1))
	b := &bus.Batch{Messages: []bus.Message{
		{ID: "0", Payload: []byte("no json")}, message("1", "cpu"), partly, {ID: "3"},
		{ID: "4", Payload: metering.AppendBatch(nil, []metering.Sample{null, small("cpu", "4"), small("other", "4")})},
	}}
	if err := p.Handle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if want := []string{"cpu/1", "cpu/2", "cpu/4"}; !slices.Equal(open["a://"].ids, want) {
		t.Errorf("published %q, want %q", open["a://"].ids, want)
	}
	var rejected []string
	for _, r := range b.Rejected() {
		rejected = append(rejected, r.Message.ID)
		if r.Reason == nil || !strings.Contains(r.Reason.Error(), "reading message") {
			t.Errorf("reason %v", r.Reason)
		}
	}
	if want := []string{"0", "2", "3"}; !slices.Equal(rejected, want) {
		t.Errorf("rejected %q, want %q", rejected, want)
	}
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP ringmeter_pipeline_messages_received_total Messages taken off the bus and acknowledged.
# TYPE ringmeter_pipeline_messages_received_total counter
ringmeter_pipeline_messages_received_total 5
# HELP ringmeter_pipeline_messages_rejected_total Messages set aside because they, or some of their samples, could not be read.
# TYPE ringmeter_pipeline_messages_rejected_total counter
ringmeter_pipeline_messages_rejected_total 3
# HELP ringmeter_pipeline_samples_unreadable_total Samples left out of their message because they could not be read.
# TYPE ringmeter_pipeline_samples_unreadable_total counter
ringmeter_pipeline_samples_unreadable_total 3
`), "ringmeter_pipeline_messages_received_total", "ringmeter_pipeline_messages_rejected_total", "ringmeter_pipeline_samples_unreadable_total")
	if err != nil {
		t.Error(err)
	}
	for series, want := range map[string]float64{"cpu/matched": 3, "null/invalid": 1, "other/unmatched": 1} {
		if got := sampleCount(t, reg, series); got != want {
			t.Errorf("samples_total of %s = %v, want %v", series, got, want)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// sampleCount is ringmeter_pipeline_samples_total for "meter/outcome".
func sampleCount(t *testing.T, g prometheus.Gatherer, series string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "ringmeter_pipeline_samples_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue()+"/"+m.GetLabel()[1].GetValue() == series {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// What fails comes again, and only to who has not had it.
func TestHandleAgain(t *testing.T) {
	sick := errors.New("sick")
	open := fakes{"sick://": &fake{publish: func(_ context.Context, call int) error {
		if call < 2 {
			return sick
		}
		return nil
	}}}
	reg := prometheus.NewPedanticRegistry()
	p := build(t, pipeline.Options{Config: config(source("s", "k", "*"), sink("k", "well://", "sick://")),
		Open: open.Open, Metrics: pipeline.NewMetrics(reg)})
	batch := func(more ...bus.Message) *bus.Batch {
		return &bus.Batch{Messages: append([]bus.Message{message("1", "cpu"), {ID: "bad"}, message("2", "cpu")}, more...)}
	}
	for range 2 {
		if err := p.Handle(t.Context(), batch()); !errors.Is(err, sick) {
			t.Fatalf("err = %v, want %v", err, sick)
		}
	}
	b := batch(message("3", "cpu"))
	if err := p.Handle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for url, f := range open {
		if want := []string{"cpu/1", "cpu/2", "cpu/3"}; !slices.Equal(f.ids, want) {
			t.Errorf("%s got %q, want %q", url, f.ids, want)
		}
	}
	if n := len(b.Rejected()); n != 1 {
		t.Errorf("%d messages rejected, want 1", n)
	}
	if got := sampleCount(t, reg, "cpu/matched"); got != 3 {
		t.Errorf("%v samples matched, want 3", got)
	}
	// What has been acknowledged is new when it comes again.
	if err := p.Handle(t.Context(), batch()); err != nil {
		t.Fatal(err)
	}
	if got := len(open["well://"].ids); got != 5 {
		t.Errorf("%d samples published, want 5", got)
	}
}

// A slow publisher holds up the batch, not the hand-over to the others.
func TestHandleSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var quick time.Duration
		open := fakes{
			"slow://":  {publish: func(context.Context, int) error { <-time.After(time.Minute); return nil }},
			"quick://": {publish: func(context.Context, int) error { quick = time.Since(start); return nil }},
		}
		p := build(t, pipeline.Options{Open: open.Open,
			Config: config(source("s", "k", "*"), source("t", "l", "*"), sink("k", "slow://", "quick://"), sink("l", "slow://"))})
		if err := p.Handle(t.Context(), &bus.Batch{Messages: []bus.Message{message("1", "cpu")}}); err != nil {
			t.Fatal(err)
		}
		if quick != 0 {
			t.Errorf("the quick publisher waited %s", quick)
		}
		if d := time.Since(start); d != 2*time.Minute { // one batch of two pipelines, one after the other
			t.Errorf("acknowledged after %s", d)
		}
	})
}

func TestNewReportsWhatCannotBeOpened(t *testing.T) {
	_, err := pipeline.New(pipeline.Options{
		Config: config(source("s", "nowhere", "*"), sink("k", "a://user:secret@host", "b://")),
		Open: func(string) (pipeline.Publisher[metering.Sample], error) {
			return nil, errors.New("no such thing")
		},
	})
	want := `opening publisher a://user:***@host of sink "k": no such thing
opening publisher b:// of sink "k": no such thing
source "s": there is no sink "nowhere"`
	if err == nil || err.Error() != want {
		t.Errorf("err = %v\nwant  %s", err, want)
	}
}

func TestStatus(t *testing.T) {
	p := build(t, pipeline.Options{Open: fakes{}.Open,
		Config: config(source("s", "k", "*"), source("t", "k", "x"), sink("k", "a://u:p@h", "b://"))})
	want := pipeline.Status{Sinks: []pipeline.SinkStatus{{Name: "k", Sources: []string{"s", "t"}, Publishers: []pipeline.PublisherStatus{
		{URL: "a://u:***@h", State: pipeline.StateOK}, {URL: "b://", State: pipeline.StateOK},
	}}}}
	if d := cmp.Diff(want, p.Status()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Names come from messages, so what is remembered of them has an end.
func TestHandleManyMeters(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	open := fakes{}
	p := build(t, pipeline.Options{Config: config(source("s", "k", "m1*"), sink("k", "a://")), Open: open.Open, Metrics: pipeline.NewMetrics(reg)})
	var batch []metering.Sample
	want := 0
	for i := range 10_000 {
		name := "m" + string([]byte{byte('0' + i%10), byte('a' + i/10%10), byte('a' + i/100%10), byte('a' + i/1000)})
		batch = append(batch, small(name, "r"))
		if i%10 == 1 {
			want++
		}
	}
	if err := p.Handle(t.Context(), &bus.Batch{Messages: []bus.Message{{ID: "1", Payload: metering.AppendBatch(nil, batch)}}}); err != nil {
		t.Fatal(err)
	}
	if got := len(open["a://"].ids); got != want {
		t.Errorf("%d samples matched, want %d", got, want)
	}
	if got := sampleCount(t, reg, "(other)/unmatched") + sampleCount(t, reg, "(other)/matched"); got != 10_000-8192 {
		t.Errorf("%v samples counted as others, want %d", got, 10_000-8192)
	}
}

// Every sample that is left out counts, not only those whose faults are told.
func TestHandleCountsAllUnreadable(t *testing.T) {
	reg := prometheus.NewRegistry()
	p := build(t, pipeline.Options{Open: fakes{}.Open, Metrics: pipeline.NewMetrics(reg),
		Config: config(source("s", "k", "*"), sink("k", "a://"))})
	payload := []byte("[" + strings.Repeat("0,", 499) + "0]")
	if err := p.Handle(t.Context(), &bus.Batch{Messages: []bus.Message{{ID: "m", Payload: payload}}}); err != nil {
		t.Fatal(err)
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP ringmeter_pipeline_samples_unreadable_total Samples left out of their message because they could not be read.
# TYPE ringmeter_pipeline_samples_unreadable_total counter
ringmeter_pipeline_samples_unreadable_total 500
`), "ringmeter_pipeline_samples_unreadable_total"); err != nil {
		t.Error(err)
	}
}
