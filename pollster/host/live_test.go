package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster/host"
)

// TestThisMachine polls the machine that the test runs on, twice: no errors, every meter
// there unless the machine has no such thing, and no counter going backwards.
func TestThisMachine(t *testing.T) {
	plugins := host.Plugins(host.Config{})
	pollsters := open(t, plugins)
	type counter struct{ meter, resource string }
	before := make(map[counter]metering.Volume)
	found := make(map[string]bool)
	for range 2 {
		for _, p := range plugins {
			samples, err := poll(t.Context(), pollsters[p.Name])
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			seen := make(map[counter]bool)
			for _, s := range samples {
				check(t, p, s)
				found[s.Name] = true
				c := counter{s.Name, s.ResourceID}
				if seen[c] {
					t.Errorf("%s of %s is there twice in one poll", s.Name, s.ResourceID)
				}
				seen[c] = true
				if strings.HasSuffix(s.Unit, "percent") || s.Unit == "%" {
					if v := s.Volume.Float64(); !(v >= 0 && v <= 100) {
						t.Errorf("%s is %s %%", s.Name, s.Volume)
					}
				}
				if s.Type != metering.Cumulative {
					continue
				}
				now, ok := s.Volume.Uint64()
				if then, known := before[c].Uint64(); !ok || known && now < then && !mayShrink(s.Name) {
					t.Errorf("%s of %s went from %s to %s", s.Name, s.ResourceID, before[c], s.Volume)
				}
				before[c] = s.Volume
			}
		}
	}
	for _, p := range plugins {
		for _, m := range p.Meters {
			if !found[m.Name] && !absent(t, m.Name) {
				t.Errorf("%s (%s) has no sample and no excuse", m.Name, p.Name)
			}
		}
	}
}

// mayShrink: the kernel estimates these two, and says that they may decrease.
func mayShrink(meter string) bool {
	return meter == "compute.node.cpu.idle.time" || meter == "compute.node.cpu.iowait.time"
}

// absent reports whether this machine has nothing that the meter could measure.
func absent(t *testing.T, meter string) bool {
	t.Helper()
	switch {
	case meter == "compute.node.cpu.frequency":
		cpufreq, err := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
		if err != nil {
			t.Fatal(err)
		}
		return len(cpufreq) == 0 && !strings.Contains(text(t, "/proc/cpuinfo"), "cpu MHz")
	case strings.HasPrefix(meter, "hardware.disk.size."):
		// A container whose root is an overlay and that has no volume.
		for line := range strings.Lines(text(t, "/proc/self/mountinfo")) {
			if _, filesystem, _ := strings.Cut(line, " - "); strings.Contains(filesystem, " /dev/") {
				return false
			}
		}
		return true
	case strings.HasPrefix(meter, "hardware.disk."):
		disks, err := os.ReadDir("/sys/block")
		return err == nil && len(disks) == 0
	}
	return false
}

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// BenchmarkPoll is one poll of everything on this machine.
func BenchmarkPoll(b *testing.B) {
	plugins := host.Plugins(host.Config{})
	pollsters := open(b, plugins)
	for _, p := range plugins { // the first poll waits
		if _, err := poll(b.Context(), pollsters[p.Name]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	samples := 0
	for b.Loop() {
		for _, p := range plugins {
			for _, err := range pollsters[p.Name].Poll(b.Context(), resources("cn7")) {
				if err != nil {
					b.Fatal(err)
				}
				samples++
			}
		}
	}
	b.ReportMetric(float64(samples)/float64(b.N), "samples/op")
}

// TestTwoPollsAtOnce is for the race detector: sources of two tasks may share a pollster.
func TestTwoPollsAtOnce(t *testing.T) {
	for name, p := range open(t, host.Plugins(host.Config{})) {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				if _, err := poll(t.Context(), p); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		both.Wait()
	}
}
