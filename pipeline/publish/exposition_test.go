package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

// shown registers an Exposition.
func shown(t testing.TB, o publish.ExpositionOptions) (*publish.Exposition, *prometheus.Registry) {
	t.Helper()
	reg := prometheus.NewPedanticRegistry()
	e := publish.NewExposition(o)
	if err := reg.Register(e); err != nil {
		t.Fatal(err)
	}
	return e, reg
}

func show(t testing.TB, e *publish.Exposition, batch ...metering.Sample) {
	t.Helper()
	if err := e.Publish(context.Background(), batch); err != nil {
		t.Fatal(err)
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// page is what a scrape gets. It fails when the set of series is inconsistent.
func page(t failer, g prometheus.Gatherer, f expfmt.Format) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatalf("gathering: %v", err)
	}
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, f)
	for _, family := range families {
		if err := enc.Encode(family); err != nil {
			t.Fatalf("encoding: %v", err)
		}
	}
	if c, ok := enc.(expfmt.Closer); ok {
		if err := c.Close(); err != nil {
			t.Fatalf("encoding: %v", err)
		}
	}
	return b.String()
}

func textFormat() expfmt.Format { return expfmt.NewFormat(expfmt.TypeTextPlain) }
func openFormat() expfmt.Format { return expfmt.NewFormat(expfmt.TypeOpenMetrics) }

// values are the values of one family by resource.
func values(t testing.TB, g prometheus.Gatherer, name string) map[string]float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.Metric {
			key := ""
			for _, l := range m.Label {
				if l.GetName() == "resource_id" || l.GetName() == "reason" {
					key = l.GetValue()
				}
			}
			found[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return found
}

// reading is a gauge of a resource as it is polled now.
func reading(resource string, value int64) metering.Sample {
	return metering.Sample{Name: "power", Type: metering.Gauge, Unit: "W", Volume: metering.Int(value), ResourceID: resource,
		ProjectID: metering.TextOf("p"), Timestamp: metering.FormatTime(time.Now())}
}

func TestExpositionPages(t *testing.T) {
	files, err := filepath.Glob("testdata/exposition/*.txtar")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	update := os.Getenv("UPDATE_GOLDEN") != ""
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			part := func(i int) string { return string(a.Files[i].Data) }
			e, reg := shown(t, publish.ExpositionOptions{Prefix: strings.TrimSpace(part(0))})
			var batch []metering.Sample
			for line := range strings.Lines(part(1)) {
				s, err := metering.DecodeSample(strings.TrimSpace(line))
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, s)
			}
			show(t, e, batch...)
			got := []string{page(t, reg, textFormat()), page(t, reg, openFormat())}
			for i, text := range got {
				if diff := cmp.Diff(part(2+i), text); diff != "" && !update {
					t.Errorf("%s differs (-want +got); UPDATE_GOLDEN=1 writes it anew:\n%s", a.Files[2+i].Name, diff)
				}
				a.Files[2+i].Data = []byte(text)
			}
			checkPage(t, got[0], got[1])
			if update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// checkPage says whether a page can be read: the text parses, every family has one
// heading, every series stands once, and in OpenMetrics no two families share a name.
func checkPage(t interface {
	failer
	Errorf(format string, args ...any)
}, text, open string) {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if _, err := parser.TextToMetricFamilies(strings.NewReader(text)); err != nil {
		t.Fatalf("parsing the page: %v\n%s", err, text)
	}
	for _, body := range []string{text, open} {
		seen := map[string]bool{}
		for line := range strings.Lines(body) {
			key, _, _ := strings.Cut(line, "} ")
			if strings.HasPrefix(line, "# ") {
				key = strings.Join(strings.Fields(line)[:2], " ") + strings.Fields(line + " . .")[2]
			}
			if seen[key] {
				t.Errorf("stands twice: %s\n%s", key, body)
			}
			seen[key] = true
		}
	}
	taken := map[string]string{}
	for line := range strings.Lines(open) {
		words := strings.Fields(line)
		if words[0] != "#" || words[1] != "TYPE" {
			continue
		}
		names := []string{words[2]}
		if words[3] == "counter" {
			names = append(names, words[2]+"_total", words[2]+"_created")
		}
		for _, n := range names {
			if taken[n] != "" {
				t.Errorf("%s and %s both have %s", words[2], taken[n], n)
			}
			taken[n] = words[2]
		}
	}
}

// Any samples make a page that can be read.
func exposeAnything(t *rapid.T) {
	reg := prometheus.NewPedanticRegistry()
	e := publish.NewExposition(publish.ExpositionOptions{Prefix: rapid.SampledFrom([]string{"", "ceilometer_", "9"}).Draw(t, "prefix")})
	if err := reg.Register(e); err != nil {
		t.Fatal(err)
	}
	name := rapid.OneOf(rapid.String(), rapid.StringMatching(`(a|\.|_|-|é|total|_total|_created|_bucket|_sum|1){1,3}`))
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "p", "\xff", "\xfe", "\uFFFD", "a\nb", `"\`, "a\xffb"}), rapid.String())
	maybe := rapid.Custom(func(t *rapid.T) metering.Text {
		if rapid.Bool().Draw(t, "null") {
			return metering.Text{}
		}
		return metering.TextOf(text.Draw(t, "text"))
	})
	volume := rapid.OneOf(rapid.Map(rapid.Int64(), metering.Int), rapid.Map(rapid.Uint64(), metering.Uint),
		rapid.Map(rapid.Float64(), metering.Float), rapid.SampledFrom([]metering.Volume{{}, metering.Float(math.NaN()), metering.Float(math.Inf(1)), metering.Float(math.Inf(-1))}))
	sample := rapid.Custom(func(t *rapid.T) metering.Sample {
		return metering.Sample{
			Name: name.Draw(t, "name"), Type: metering.Type(rapid.Uint8Range(0, 4).Draw(t, "type")), Unit: text.Draw(t, "unit"),
			Volume: volume.Draw(t, "volume"), UserID: maybe.Draw(t, "user"), ProjectID: maybe.Draw(t, "project"),
			ResourceID: text.Draw(t, "resource"), ID: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "id"),
			Timestamp: rapid.SampledFrom([]string{"2026-03-04T12:00:00", "2026-03-04T12:00:10", "1970-01-01T00:00:00", "9999-12-31T23:59:59Z", "x", ""}).Draw(t, "timestamp"),
		}
	})
	for range rapid.IntRange(1, 4).Draw(t, "scrapes") {
		batch := rapid.SliceOfN(sample, 0, 20).Draw(t, "batch")
		if err := e.Publish(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		checkPage(t, page(t, reg, textFormat()), page(t, reg, openFormat()))
	}
}

func TestExpositionOfAnything(t *testing.T) { rapid.Check(t, exposeAnything) }

func FuzzExposition(f *testing.F) { f.Fuzz(rapid.MakeFuzz(exposeAnything)) }

// A reload may make the next poll later than anything that the series has seen.
func TestExpositionStaysWhenTheIntervalGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, reg := shown(t, publish.ExpositionOptions{Interval: 10 * time.Second})
		for range 20 {
			show(t, e, reading("r", 1))
			<-time.After(10 * time.Second)
		}
		e.SetInterval(10 * time.Minute)
		<-time.After(10 * time.Minute)
		if n := len(values(t, reg, "power")); n != 1 {
			t.Errorf("%d series before the first poll with the new interval", n)
		}
		show(t, e, reading("r", 1))
		<-time.After(26 * time.Minute)
		if n := len(values(t, reg, "power")); n != 0 {
			t.Errorf("%d series long after the last poll", n)
		}
	})
}

func TestExpositionExpires(t *testing.T) {
	for _, c := range []struct {
		name    string
		options publish.ExpositionOptions
		polls   []time.Duration // spacing before each poll after the first
		want    time.Duration   // after the last poll
	}{
		{"seen once", publish.ExpositionOptions{Interval: time.Minute}, nil, 150 * time.Second},
		{"seen once, nothing said", publish.ExpositionOptions{}, nil, 25 * time.Minute},
		{"at least 30 s", publish.ExpositionOptions{Interval: time.Second}, []time.Duration{time.Second}, 30 * time.Second},
		{"learned shorter", publish.ExpositionOptions{Interval: time.Hour}, slices.Repeat([]time.Duration{time.Minute}, 15), 150 * time.Second},
		{"one short spacing at first", publish.ExpositionOptions{Interval: time.Hour}, []time.Duration{time.Minute}, 3 * time.Hour * 5 / 8},
		{"learned longer", publish.ExpositionOptions{Interval: time.Minute}, []time.Duration{2 * time.Minute, 4 * time.Minute}, 10 * time.Minute},
		{"one short spacing", publish.ExpositionOptions{}, []time.Duration{10 * time.Minute, time.Second}, 1125 * time.Second},
		{"short from now on", publish.ExpositionOptions{}, slices.Concat([]time.Duration{10 * time.Minute}, slices.Repeat([]time.Duration{time.Minute}, 10)), 150 * time.Second},
		{"after an outage as at first", publish.ExpositionOptions{Interval: time.Minute}, []time.Duration{time.Minute, 24 * time.Hour}, 150 * time.Second},
		{"set", publish.ExpositionOptions{Expire: 5 * time.Second, Interval: time.Hour}, []time.Duration{time.Second}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, reg := shown(t, c.options)
				show(t, e, reading("r", 1))
				for _, d := range c.polls {
					<-time.After(d)
					show(t, e, reading("r", 1))
				}
				<-time.After(c.want - time.Millisecond)
				if n := len(values(t, reg, "power")); n != 1 {
					t.Errorf("%d series just before %s", n, c.want)
				}
				<-time.After(time.Millisecond)
				if n := len(values(t, reg, "power")); n != 0 {
					t.Errorf("%d series at %s", n, c.want)
				}
			})
		})
	}
}

// Neither a wrong clock nor a backlog makes a series stay for ever, or blocks it for long.
func TestExpositionSurvivesWrongTimestamps(t *testing.T) {
	for _, wrong := range []string{"9999-12-31T23:59:59", "0001-01-01T00:00:00", "1970-01-01T00:00:00"} {
		t.Run(wrong, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e, reg := shown(t, publish.ExpositionOptions{Interval: time.Minute})
				show(t, e, reading("r", 1))
				<-time.After(time.Minute)
				bad := reading("r", 2)
				bad.Timestamp = wrong
				show(t, e, bad)
				for range 20 {
					<-time.After(time.Minute)
					show(t, e, reading("r", 3))
				}
				if got := values(t, reg, "power"); got["r"] != 3 {
					t.Errorf("shows %v", got)
				}
				<-time.After(5 * time.Minute)
				if n := len(values(t, reg, "power")); n != 0 {
					t.Errorf("%d series after the end", n)
				}
			})
		})
	}
}

// Polled at its interval, with jitter and with one poll missed now and then, a series is
// there whenever somebody looks.
func TestExpositionNeverVanishesBetweenPolls(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		interval := time.Duration(rapid.IntRange(12, 86400).Draw(rt, "interval")) * time.Second
		jitter := rapid.Int64Range(-int64(interval)/10, int64(interval)/10)
		waits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) time.Duration {
			wait := interval + time.Duration(jitter.Draw(t, "jitter"))
			if rapid.IntRange(0, 9).Draw(t, "missed") == 0 {
				wait += interval
			}
			return wait
		}), 1, 30).Draw(rt, "waits")
		gone := -1
		synctest.Test(t, func(t *testing.T) {
			e, reg := shown(t, publish.ExpositionOptions{Interval: interval})
			for i, wait := range waits {
				show(t, e, reading("r", int64(i)))
				<-time.After(wait)
				if gone < 0 && len(values(t, reg, "power")) != 1 {
					gone = i
				}
			}
		})
		if gone >= 0 {
			rt.Fatalf("gone %s after poll %d of interval %s", waits[gone], gone+1, interval)
		}
	})
}

// A meter whose series are all gone may come back as another type, and a resource that
// is gone takes nothing with it.
func TestExpositionForgetsMetersAndResources(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, reg := shown(t, publish.ExpositionOptions{Expire: time.Minute})
		show(t, e, reading("gone", 1), reading("stays", 1))
		<-time.After(40 * time.Second)
		show(t, e, reading("stays", 2))
		<-time.After(40 * time.Second)
		if got := values(t, reg, "power"); len(got) != 1 || got["stays"] != 2 {
			t.Errorf("shows %v", got)
		}
		<-time.After(time.Minute)
		other := reading("stays", 7)
		other.Type = metering.Cumulative
		show(t, e, other) // before anybody has looked
		if got := values(t, reg, "power_total"); got["stays"] != 7 {
			t.Errorf("shows %v", got)
		}
	})
}

// A delta that was gone starts again from nothing, whether somebody has looked or not.
func TestExpositionDeltaStartsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, reg := shown(t, publish.ExpositionOptions{Expire: 40 * time.Second})
		delta := func(id string) metering.Sample {
			s := reading("r", 5)
			s.Type, s.ID = metering.Delta, id
			return s
		}
		show(t, e, delta("a"), delta("a"), delta("b"))
		if got := values(t, reg, "power_total"); got["r"] != 10 {
			t.Errorf("shows %v, want 10", got)
		}
		<-time.After(50 * time.Second) // too short for Publish to have swept
		show(t, e, delta("a"))
		if got := values(t, reg, "power_total"); got["r"] != 5 {
			t.Errorf("shows %v, want 5", got)
		}
		if got := values(t, reg, "ringmeter_exposition_dropped_total"); got["repeat"] != 1 {
			t.Errorf("dropped %v", got)
		}
	})
}

func TestExpositionCopiesWhatItKeeps(t *testing.T) {
	e, reg := shown(t, publish.ExpositionOptions{})
	batch := []metering.Sample{reading("r", 1)}
	show(t, e, batch...)
	batch[0] = reading("other", 2)
	if got := values(t, reg, "power"); got["r"] != 1 || len(got) != 1 {
		t.Errorf("shows %v", got)
	}
}

func TestExpositionClosed(t *testing.T) {
	e, reg := shown(t, publish.ExpositionOptions{})
	show(t, e, reading("r", 1))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Publish(t.Context(), []metering.Sample{reading("r", 1)}); !errors.Is(err, publish.ErrClosed) {
		t.Errorf("error %v", err)
	}
	next := publish.NewExposition(publish.ExpositionOptions{})
	if err := reg.Register(next); err != nil {
		t.Fatal(err)
	}
	show(t, next, reading("r", 2))
	if got := values(t, reg, "power"); got["r"] != 2 {
		t.Errorf("shows %v", got)
	}
}

// Labels added by a wrapped registerer go to the copy of a scrape, not to what is kept.
func TestExpositionBehindAWrappedRegisterer(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	e := publish.NewExposition(publish.ExpositionOptions{})
	if err := prometheus.WrapRegistererWith(prometheus.Labels{"az": "north"}, reg).Register(e); err != nil {
		t.Fatal(err)
	}
	show(t, e, reading("a", 1), reading("b", 2))
	for range 2 {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "power" })
		if m := families[i].Metric; len(m) != 2 || len(m[0].Label) != 4 {
			t.Errorf("%v", m)
		}
	}
}

func TestExpositionOwnMetricsAreClean(t *testing.T) {
	_, reg := shown(t, publish.ExpositionOptions{})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestExpositionIsPublishedAndCollectedAtOnce(t *testing.T) {
	e, reg := shown(t, publish.ExpositionOptions{})
	var wg sync.WaitGroup
	for worker := range 3 {
		wg.Go(func() {
			for i := range 50 {
				show(t, e, reading(fmt.Sprint(worker, i%7), int64(i)), reading("shared", int64(i)))
			}
		})
		wg.Go(func() {
			for range 20 {
				if _, err := reg.Gather(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := values(t, reg, "ringmeter_exposition_series")[""]; n != 3*7+1 {
		t.Errorf("%v series", n)
	}
}

// A poller polls once when it starts and again as its timetable says, which may be a moment
// later: that says nothing about when the next poll comes.
func TestExpositionStaysWhenTheFirstPollsAreClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, reg := shown(t, publish.ExpositionOptions{Interval: 10 * time.Minute})
		show(t, e, reading("r", 1))
		for _, wait := range []time.Duration{5 * time.Second, 10 * time.Minute, 10 * time.Minute} {
			<-time.After(wait)
			if got := values(t, reg, "power"); len(got) != 1 {
				t.Errorf("gone within %s", wait)
			}
			show(t, e, reading("r", 1))
		}
	})
}
