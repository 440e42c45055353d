package host

import (
	"context"
	"fmt"

	"github.com/prometheus/procfs"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func memoryMeters() []pollster.Meter {
	memory := func(name, help string) pollster.Meter {
		return pollster.Meter{Name: "hardware.memory." + name, Type: metering.Gauge, Unit: "KB", Help: help}
	}
	return []pollster.Meter{
		memory("total", "memory of the machine, in KiB"),
		memory("used", "memory that is not free, buffers and cache included, in KiB (SNMP's memTotalReal less memAvailReal)"),
		memory("buffer", "memory used as buffers of block devices, in KiB"),
		memory("cached", "memory used as cache of files, reclaimable kernel caches included, in KiB"),
		memory("swap.total", "swap space of the machine, in KiB"),
		memory("swap.avail", "swap space that is free, in KiB"),
	}
}

func (m machine) memory() (reader, error) {
	proc, err := procfs.NewFS(m.proc)
	if err != nil {
		return nil, err
	}
	meters, whole := memoryMeters(), wholeHost()
	return func(_ context.Context, host string, yield yieldFunc) bool {
		i, err := proc.Meminfo()
		if err != nil {
			return fail(yield, fmt.Errorf("reading memory: %w", err))
		}
		return emit(yield, meters, whole(host), monotonic(),
			optional(i.MemTotal), used(i), optional(i.Buffers), cached(i),
			optional(i.SwapTotal), optional(i.SwapFree))
	}, nil
}

func used(i procfs.Meminfo) metering.Volume {
	if i.MemTotal == nil || i.MemFree == nil || *i.MemFree > *i.MemTotal {
		return metering.Volume{}
	}
	return metering.Uint(*i.MemTotal - *i.MemFree)
}

// cached is what snmpd and free(1) call so: to the kernel, the cached inodes and directory
// entries are slabs.
func cached(i procfs.Meminfo) metering.Volume {
	if i.Cached == nil || i.SReclaimable == nil {
		return optional(i.Cached)
	}
	return metering.Uint(*i.Cached + *i.SReclaimable)
}
