package host_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/discovery"
	hosts "github.com/ringmeter/ringmeter/discovery/host"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
	"github.com/ringmeter/ringmeter/pollster/host"
)

func resources(names ...string) []discovery.Resource {
	var all []discovery.Resource
	for _, n := range names {
		all = append(all, hosts.Node{Host: n})
	}
	return all
}

// machine has one file, /proc/stat.
type machine struct {
	t    *testing.T
	path string
	cpu  pollster.Pollster
}

func newMachine(t *testing.T) machine {
	t.Helper()
	c := copied(t)
	return machine{t, filepath.Join(c.Proc, "stat"), open(t, host.Plugins(c))["host.cpu"]}
}

// ticks sets user and idle, and all others to 0.
func (m machine) ticks(user, idle int) {
	m.t.Helper()
	write(m.t, m.path, fmt.Sprintf("cpu %d 0 0 %d 0 0 0 0 0 0\n", user, idle))
}

// percents are the volumes of the gauges by name.
func (m machine) percents(ctx context.Context) map[string]string {
	m.t.Helper()
	samples, err := poll(ctx, m.cpu)
	if err != nil {
		m.t.Fatal(err)
	}
	found := make(map[string]string)
	for _, s := range samples {
		if s.Type == metering.Gauge {
			found[s.Name] = s.Volume.String()
		}
	}
	return found
}

func (m machine) want(user string, got map[string]string) {
	m.t.Helper()
	if got["compute.node.cpu.user.percent"] != user || got["compute.node.cpu.percent"] != user || got["hardware.cpu.util"] != user {
		m.t.Errorf("want %s %% in user mode, got %v", user, got)
	}
}

func TestFirstPollLooksTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		m.ticks(1_000_000, 0)
		got := make(chan map[string]string)
		began := time.Now()
		go func() { got <- m.percents(t.Context()) }()
		synctest.Wait() // it has read once and waits
		m.ticks(1_000_005, 15)
		m.want("25.0", <-got)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestFirstPollEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		m.ticks(100, 100)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if got := m.percents(ctx); len(got) > 0 {
			t.Errorf("percentages without a window: %v", got)
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("took %s", took)
		}
		m.ticks(175, 125) // the next poll compares with what was read then
		m.want("75.0", m.percents(t.Context()))
	})
}

// TestPollsInQuickSuccession is two sources that poll at the same moment.
func TestPollsInQuickSuccession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		m.percents(t.Context())
		m.ticks(1, 0)
		m.percents(t.Context()) // went backwards, and no time has passed
		<-time.After(10 * time.Second)
		m.ticks(501, 500)
		m.percents(t.Context())
		<-time.After(10 * time.Second)
		m.ticks(601, 1400)
		m.want("10.0", m.percents(t.Context()))
		m.ticks(602, 1400)
		m.want("10.0", m.percents(t.Context()))
		<-time.After(10 * time.Second)
		m.ticks(701, 1500) // the tick in between is not lost
		m.want("50.0", m.percents(t.Context()))
	})
}

func TestNoTickNoPercentage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		m.ticks(100, 100)
		if got := m.percents(t.Context()); len(got) > 0 {
			t.Errorf("percentages of no ticks: %v", got)
		}
	})
}

func TestTimesAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t)
		write(t, m.path, "cpu 1 1 900719925474 99 7 3 16 5 0 0\n")
		samples, err := poll(t.Context(), m.cpu)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]string)
		for _, s := range samples {
			if s.Type == metering.Cumulative {
				got[s.Name] = s.Volume.String()
			}
		}
		want := map[string]string{
			"compute.node.cpu.user.time":   "20000000",
			"compute.node.cpu.kernel.time": "9007199254930000000",
			"compute.node.cpu.idle.time":   "990000000",
			"compute.node.cpu.iowait.time": "70000000",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
