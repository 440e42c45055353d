package host_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
	"github.com/ringmeter/ringmeter/pollster/host"
)

// TestSamplesOfTheMadeUpMachine compares the second poll, ten seconds after the first,
// with testdata/samples.golden. Set UPDATE_GOLDEN to write that file anew.
func TestSamplesOfTheMadeUpMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := copied(t)
		plugins := host.PluginsWith(c, statfs, addresses)
		pollsters := open(t, plugins)
		if _, err := poll(t.Context(), pollsters["host.cpu"]); err != nil {
			t.Fatal(err)
		}
		later, err := os.ReadFile("testdata/stat.later")
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(c.Proc, "stat"), string(later))
		<-time.After(10 * time.Second)

		var got strings.Builder
		for _, p := range plugins {
			samples, err := poll(t.Context(), pollsters[p.Name])
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			got.WriteString("# " + p.Name + "\n" + render(samples))
			for _, s := range samples {
				check(t, p, s)
			}
		}
		const golden = "testdata/samples.golden"
		if os.Getenv("UPDATE_GOLDEN") != "" {
			write(t, golden, got.String())
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got.String()); diff != "" {
			t.Errorf("samples (-want +got):\n%s", diff)
		}
	})
}

// check is what holds for every sample of every machine.
func check(t *testing.T, p pollster.Plugin, s metering.Sample) {
	t.Helper()
	declared := false
	for _, m := range p.Meters {
		declared = declared || m.Name == s.Name && m.Type == s.Type && m.Unit == s.Unit
	}
	if !declared {
		t.Errorf("%s yields %s (%s, %s), which its table does not have", p.Name, s.Name, s.Type, s.Unit)
	}
	if !s.UserID.IsNull() || !s.ProjectID.IsNull() {
		t.Errorf("%s has a user or a project", s.Name)
	}
	if s.MonotonicTime.IsNull() || s.MonotonicTime.Float64() <= 0 {
		t.Errorf("%s has no monotonic time", s.Name)
	}
	if s.Volume.IsNull() {
		t.Errorf("%s of %s has no volume", s.Name, s.ResourceID)
	}
	if s.Type == metering.Cumulative && s.Volume.IsFloat() {
		t.Errorf("%s of %s is a counter and a float", s.Name, s.ResourceID)
	}
	if s.Metadata.Text("host") == "" {
		t.Errorf("%s of %s does not name the host: %s", s.Name, s.ResourceID, s.Metadata)
	}
}

func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, p := range host.Plugins(host.Config{}) {
		if p.Discovery != "local_node" || p.PerResource || !cmp.Equal(p.Namespaces, []string{"host"}) {
			t.Errorf("%s: discovery %q, namespaces %q, per resource %t", p.Name, p.Discovery, p.Namespaces, p.PerResource)
		}
		if len(p.Meters) == 0 {
			t.Errorf("%s has no meters", p.Name)
		}
		for _, m := range p.Meters {
			if seen[m.Name] {
				t.Errorf("%s is there twice", m.Name)
			}
			seen[m.Name] = true
			if m.Type.String() == "invalid" || m.Unit == "" || m.Help == "" || strings.Contains(m.Help, "\n") {
				t.Errorf("%s is not fully described: %+v", m.Name, m)
			}
		}
	}
}

// TestMissingFile takes one file away at a time: its own meters are missing and reported,
// all others are as before.
func TestMissingFile(t *testing.T) {
	for _, each := range []struct {
		file   string
		plugin string // that fails, "" for none
	}{
		{"proc/stat", "host.cpu"},
		{"proc/cpuinfo", ""},
		{"sys/devices", ""},
		{"proc/loadavg", "host.load"},
		{"proc/meminfo", "host.memory"},
		{"proc/1/mountinfo", "host.disk.size"},
		{"proc/diskstats", "host.disk.io"},
		{"sys/block", "host.disk.io"},
		{"proc/vmstat", "host.io"},
		{"proc/net/dev", "host.network"},
		{"sys/class", ""},
		{"proc/net/snmp", "host.network.ip"},
	} {
		t.Run(each.file, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := copied(t)
				plugins := host.PluginsWith(c, statfs, addresses)
				if err := os.RemoveAll(filepath.Join(c.Proc, "..", each.file)); err != nil {
					t.Fatal(err)
				}
				for name, p := range open(t, plugins) {
					samples, err := poll(t.Context(), p)
					if name == each.plugin {
						if len(samples) > 0 || !errors.Is(err, fs.ErrNotExist) {
							t.Errorf("%s: %d samples and error %v", name, len(samples), err)
						}
						continue
					}
					if len(samples) == 0 || err != nil {
						t.Errorf("%s: %d samples and error %v", name, len(samples), err)
					}
				}
			})
		})
	}
}

func TestFrequencyUnknown(t *testing.T) {
	c := copied(t)
	if err := os.RemoveAll(filepath.Join(c.Sys, "devices")); err != nil {
		t.Fatal(err)
	}
	p := open(t, host.Plugins(c))["host.cpu.frequency"]
	for _, each := range []struct{ name, cpuinfo, want string }{
		{"from cpuinfo", "processor : 0\ncpu MHz : 2000.0\ncpu MHz : 1000.5\n",
			"compute.node.cpu.frequency gauge MHz 1500.25 cn7_cn7 {\"host\":\"cn7\",\"source\":\"procfs\"}\n"},
		{"an architecture that tells none", "processor : 0\nBogoMIPS : 50.00\n", ""},
		{"nonsense", "cpu MHz : NaN\ncpu MHz : -1\ncpu MHz\ncpu MHz : 1e300\n", ""},
	} {
		t.Run(each.name, func(t *testing.T) {
			write(t, filepath.Join(c.Proc, "cpuinfo"), each.cpuinfo)
			samples, err := poll(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(each.want, render(samples)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOneBadLine spoils one row of a table: the others keep their samples.
func TestOneBadLine(t *testing.T) {
	for _, each := range []struct{ plugin, file, old, spoilt, lost string }{
		{"host.network", "net/dev", "9007199254740993    9569", "many 9569", "cn7.eth0"},
		{"host.disk.io", "diskstats", "28443 12276", "-1 12276", "cn7./dev/vda"},
	} {
		t.Run(each.plugin, func(t *testing.T) {
			c := copied(t)
			p := open(t, host.PluginsWith(c, statfs, addresses))[each.plugin]
			before, err := poll(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(c.Proc, each.file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			write(t, path, strings.Replace(string(text), each.old, each.spoilt, 1))
			after, err := poll(t.Context(), p)
			if err == nil {
				t.Error("no error for the bad line")
			}
			want := make([]metering.Sample, 0, len(before))
			for _, s := range before {
				if s.ResourceID != each.lost {
					want = append(want, s)
				}
			}
			if len(want) == len(before) {
				t.Fatalf("%s had no samples to lose", each.lost)
			}
			if diff := cmp.Diff(render(want), render(after)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestPollStopsWhenNobodyWantsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nodes := resources("a", "b")
		for name, p := range open(t, host.PluginsWith(copied(t), statfs, addresses)) {
			count := 0
			for _, err := range p.Poll(t.Context(), nodes) {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				count++
				break // yield after false panics
			}
			if count != 1 {
				t.Errorf("%s yielded %d times", name, count)
			}
		}
	})
}

func TestForeignResource(t *testing.T) {
	p := open(t, host.PluginsWith(copied(t), statfs, addresses))["host.load"]
	for s, err := range p.Poll(t.Context(), []discovery.Resource{discovery.Static("x")}) {
		if err == nil {
			t.Errorf("got %v for a resource that is no node", s)
		}
	}
}
