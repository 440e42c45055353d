package host

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// tickNS is the length of a clock tick of /proc/stat in nanoseconds: USER_HZ is 100 on
// every architecture that Go runs on. All cores together, 64 bits of nanoseconds last for
// 584 years of CPU time.
const tickNS = 1e9 / 100

// nodeCPUMeters are those of Nova's CPU monitor: user counts nice and guests, kernel
// counts interrupts, and the percentages are of user, kernel, idle and iowait together,
// which leaves out what a hypervisor beneath us has stolen.
func nodeCPUMeters() []pollster.Meter {
	time := func(name, help string) pollster.Meter {
		return pollster.Meter{Name: "compute.node.cpu." + name, Type: metering.Cumulative, Unit: "ns", Help: help}
	}
	percent := func(name, help string) pollster.Meter {
		return pollster.Meter{Name: "compute.node.cpu." + name, Type: metering.Gauge, Unit: "percent", Help: help}
	}
	return []pollster.Meter{
		time("user.time", "CPU time of all cores in user mode, guests included, since boot"),
		time("kernel.time", "CPU time of all cores in the kernel, interrupts included, since boot"),
		time("idle.time", "CPU time of all cores with nothing to do, since boot"),
		time("iowait.time", "CPU time of all cores idle with I/O outstanding, since boot"),
		percent("user.percent", "share of CPU time in user mode since the previous poll"),
		percent("kernel.percent", "share of CPU time in the kernel since the previous poll"),
		percent("idle.percent", "share of CPU time with nothing to do since the previous poll"),
		percent("iowait.percent", "share of CPU time idle with I/O outstanding since the previous poll"),
		percent("percent", "share of CPU time in user mode, the kernel or iowait since the previous poll"),
	}
}

// snmpCPUMeters are snmpd's ssCpuUser and ssCpuIdle: shares of all CPU time, stolen time
// included.
func snmpCPUMeters() []pollster.Meter {
	return []pollster.Meter{
		{Name: "hardware.cpu.util", Type: metering.Gauge, Unit: "%",
			Help: "share of CPU time in user mode since the previous poll (SNMP's ssCpuUser: not all that is busy)"},
		{Name: "hardware.system_stats.cpu.idle", Type: metering.Gauge, Unit: "%",
			Help: "share of CPU time with nothing to do since the previous poll (SNMP's ssCpuIdle)"},
	}
}

func cpuMeters() []pollster.Meter { return append(nodeCPUMeters(), snmpCPUMeters()...) }

func (m machine) cpu() (reader, error) {
	node, snmp := nodeCPUMeters(), snmpCPUMeters()
	nodeMetadata := nodeMetadata()
	whole := wholeHost()
	u := usage{read: func() (ticks, error) { return readTicks(filepath.Join(m.proc, "stat")) }}

	return func(ctx context.Context, host string, yield yieldFunc) bool {
		now, s, err := u.next(ctx)
		if err != nil {
			return fail(yield, fmt.Errorf("reading CPU times: %w", err))
		}
		at := monotonic()
		return emit(yield, node, nodeMetadata(host), at,
			metering.Uint(now.userMode()*tickNS),
			metering.Uint(now.kernelMode()*tickNS),
			metering.Uint(now.idle*tickNS),
			metering.Uint(now.iowait*tickNS),
			s.user, s.kernel, s.idle, s.iowait, s.busy,
		) && emit(yield, snmp, whole(host), at, s.snmpUser, s.snmpIdle)
	}, nil
}

// nodeMetadata makes the subject of compute.node.* meters: Nova's host and node, which
// are one and the same here.
func nodeMetadata() func(host string) subject {
	metadata := newMemo(func(host string) map[string]any {
		return map[string]any{"host": host, "source": "procfs"}
	})
	return func(host string) subject {
		metadata.turn()
		return subject{resource: host + "_" + host, metadata: metadata.of(host)}
	}
}

// ticks is the first line of /proc/stat. Guests' time is contained in user and nice.
type ticks struct {
	user, nice, system, idle, iowait, irq, softirq, steal uint64
}

func (t ticks) userMode() uint64   { return t.user + t.nice }
func (t ticks) kernelMode() uint64 { return t.system + t.irq + t.softirq }

// readTicks reads no further than the first line; those that follow, one per CPU and a
// very long one of interrupts, are none of our business.
func readTicks(path string) (ticks, error) {
	var buf [512]byte
	text, err := head(path, buf[:])
	if err != nil {
		return ticks{}, err
	}
	line, _, whole := strings.Cut(text, "\n")
	fields := strings.Fields(line)
	if !whole || len(fields) < 5 || fields[0] != "cpu" {
		return ticks{}, fmt.Errorf("%s does not begin with the times of all CPUs", path)
	}
	v, err := counters(fields[1:])
	if err != nil {
		return ticks{}, fmt.Errorf("%s: %w", path, err)
	}
	var all [8]uint64 // old kernels have fewer
	copy(all[:], v)
	return ticks{all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7]}, nil
}
