package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func frequencyMeters() []pollster.Meter {
	return []pollster.Meter{{
		Name: "compute.node.cpu.frequency", Type: metering.Gauge, Unit: "MHz",
		Help: "clock frequency now, the mean over all cores that tell it",
	}}
}

func (m machine) frequency() (reader, error) {
	meters, node := frequencyMeters(), nodeMetadata()
	return func(ctx context.Context, host string, yield yieldFunc) bool {
		mhz, err := m.meanMHz(ctx)
		if err != nil {
			return fail(yield, fmt.Errorf("reading the CPU frequency: %w", err))
		}
		return emit(yield, meters, node(host), monotonic(), mhz)
	}, nil
}

// meanMHz is null when neither cpufreq nor cpuinfo tells a frequency, as in many guests.
// cpufreq comes first: it answers from what the governor knows, while cpuinfo may have to
// interrupt every core to measure.
func (m machine) meanMHz(ctx context.Context) (metering.Volume, error) {
	var mean average
	cpus, err := os.ReadDir(filepath.Join(m.sys, "devices/system/cpu"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return metering.Volume{}, err
	}
	for _, c := range cpus {
		if err := ctx.Err(); err != nil {
			return metering.Volume{}, err
		}
		if !isCPU(c.Name()) {
			continue
		}
		// Text is "<unknown>", or the file missing, for cores that are offline.
		khz, err := strconv.ParseUint(attribute(filepath.Join(m.sys, "devices/system/cpu", c.Name(), "cpufreq/scaling_cur_freq")), 10, 64)
		if err == nil && khz > 0 {
			mean.add(float64(khz) / 1000)
		}
	}
	if mean.n > 0 {
		return mean.volume(), nil
	}
	return cpuinfoMHz(filepath.Join(m.proc, "cpuinfo"))
}

// isCPU tells cpu0 from cpufreq and cpuidle.
func isCPU(name string) bool {
	digits, ok := strings.CutPrefix(name, "cpu")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func cpuinfoMHz(path string) (metering.Volume, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return metering.Volume{}, nil
	}
	if err != nil {
		return metering.Volume{}, err
	}
	defer f.Close()
	var mean average
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if strings.TrimSpace(key) != "cpu MHz" {
			continue
		}
		if mhz, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && mhz > 0 && mhz < 1e9 {
			mean.add(mhz)
		}
	}
	return mean.volume(), lines.Err()
}

type average struct {
	sum float64
	n   int
}

func (a *average) add(v float64) { a.sum += v; a.n++ }

func (a *average) volume() metering.Volume {
	if a.n == 0 {
		return metering.Volume{}
	}
	return metering.Float(a.sum / float64(a.n))
}
