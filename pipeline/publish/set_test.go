package publish_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

// names lists "metric{publisher}" of everything that a registry shows.
func names(t *testing.T, g prometheus.Gatherer) []string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			label := ""
			if l := m.GetLabel(); len(l) > 0 {
				label = l[0].GetValue()
			}
			all = append(all, f.GetName()+"{"+label+"}")
		}
	}
	return all
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	p := open(t, publish.Env{Registerer: reg}, "file:///dev/full?policy=drop&max_retry=7")
	p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"))
	// Two that differ in their passwords only are still two.
	for _, url := range []string{"http://u:a@h", "http://u:b@h"} {
		if _, err := p.Open(url); err != nil {
			t.Fatal(err)
		}
	}
	err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP ringmeter_publish_dropped_samples_total Samples given up, by reason: overflow, attempts, refused or shutdown.
# TYPE ringmeter_publish_dropped_samples_total counter
ringmeter_publish_dropped_samples_total{publisher="file:///dev/full?policy=drop&max_retry=7",reason="attempts"} 2
# HELP ringmeter_publish_failed_attempts_total Attempts to deliver a batch that failed, wholly or in part.
# TYPE ringmeter_publish_failed_attempts_total counter
ringmeter_publish_failed_attempts_total{publisher="file:///dev/full?policy=drop&max_retry=7"} 1
ringmeter_publish_failed_attempts_total{publisher="http://u:***@h"} 0
ringmeter_publish_failed_attempts_total{publisher="http://u:***@h (2)"} 0
# HELP ringmeter_publish_queue_entries Batches that wait before a publisher.
# TYPE ringmeter_publish_queue_entries gauge
ringmeter_publish_queue_entries{publisher="file:///dev/full?policy=drop&max_retry=7"} 0
ringmeter_publish_queue_entries{publisher="http://u:***@h"} 0
ringmeter_publish_queue_entries{publisher="http://u:***@h (2)"} 0
`), "ringmeter_publish_dropped_samples_total", "ringmeter_publish_failed_attempts_total", "ringmeter_publish_queue_entries")
	if err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// A reload opens the new publishers before it closes the old ones, and the page that
// shows samples is whole all the time.
func TestReloadOfExposition(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	env := publish.Env{Registerer: reg}
	old := open(t, env, "prometheus://?prefix=old_")
	show := func(p pipeline.Publisher[metering.Sample]) []string {
		t.Helper()
		s := publishtest.Sample("r")
		s.Type = metering.Gauge
		if err := p.Publish(t.Context(), []metering.Sample{s}); err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(names(t, reg), func(n string) bool { return strings.HasPrefix(n, "ringmeter_") })
	}
	want := func(got []string, prefix string) {
		t.Helper()
		if len(got) != 1 || !strings.HasPrefix(got[0], prefix+"disk_root_size") {
			t.Errorf("shown: %q, want one series of %s", got, prefix)
		}
	}
	want(show(old), "old_")
	next, err := old.Open("prometheus://?prefix=new_")
	if err != nil {
		t.Fatal(err)
	}
	want(show(next), "new_")
	old.Retain([]string{"prometheus://?prefix=new_"})
	want(show(next), "new_")
	if err := old.Publish(t.Context(), []metering.Sample{publishtest.Sample("r")}); !errors.Is(err, publish.ErrClosed) {
		t.Errorf("Publish = %v, want ErrClosed", err)
	}
	if err := old.stop(); err != nil {
		t.Error(err)
	}
	if _, err := old.Open("test://"); !errors.Is(err, publish.ErrClosed) {
		t.Errorf("Open after the end = %v, want ErrClosed", err)
	}
}

// Before Run nothing is delivered, and closing says what that cost.
func TestRetainWithoutRun(t *testing.T) {
	set := publish.NewSet(publish.Env{})
	p, err := set.Open("file://" + t.TempDir() + "/samples?policy=queue")
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	if err := p.Publish(ctx, []metering.Sample{publishtest.Sample("r")}); err != nil {
		t.Fatal(err)
	}
	set.Retain(nil)
	if st := p.(pipeline.Reporter).Status(); st.Dropped != 1 || st.State != pipeline.StateClosed || st.QueueEntries != 0 {
		t.Errorf("status %+v", st)
	}
}
