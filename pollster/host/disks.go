package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// diskMeters are our own: SNMP had such a table, Ceilometer never asked for it.
func diskMeters() []pollster.Meter {
	disk := func(name, unit, help string) pollster.Meter {
		return pollster.Meter{Name: "hardware.disk." + name, Type: metering.Cumulative, Unit: unit, Help: help}
	}
	return []pollster.Meter{
		disk("read.bytes", "B", "bytes read from a disk, since boot"),
		disk("write.bytes", "B", "bytes written to a disk, since boot"),
		disk("read.requests", "request", "reads that a disk has completed, since boot"),
		disk("write.requests", "request", "writes that a disk has completed, since boot"),
	}
}

type diskProperties struct{ host, device, name string }

// sector is the unit of /proc/diskstats whatever the disk's own sectors are.
const sector = 512

func (m machine) disks() (reader, error) {
	meters := diskMeters()
	metadata := newMemo(func(p diskProperties) map[string]any {
		return map[string]any{"host": p.host, "device": p.device, "name": p.name}
	})
	return func(ctx context.Context, host string, yield yieldFunc) bool {
		whole, err := m.wholeDisks()
		if err != nil {
			return fail(yield, fmt.Errorf("listing disks: %w", err))
		}
		text, err := os.ReadFile(filepath.Join(m.proc, "diskstats"))
		if err != nil {
			return fail(yield, fmt.Errorf("reading disk I/O: %w", err))
		}
		at := monotonic()
		metadata.turn()
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) < 10 || !whole[fields[2]] {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fail(yield, fmt.Errorf("reading disk I/O: %w", err))
			}
			name := fields[2]
			v, err := counters(fields[3:10])
			if err != nil {
				if !fail(yield, fmt.Errorf("reading I/O of disk %s: %w", name, err)) {
					return false
				}
				continue
			}
			reads, readSectors, writes, writtenSectors := v[0], v[2], v[4], v[6]
			if reads == 0 && writes == 0 && comesUnused(name) {
				continue
			}
			p := diskProperties{host, m.devicePath(name), readable(name)}
			if !emit(yield, meters, subject{host + "." + p.device, metadata.of(p)}, at,
				metering.Uint(readSectors*sector), metering.Uint(writtenSectors*sector),
				metering.Uint(reads), metering.Uint(writes)) {
				return false
			}
		}
		return true
	}, nil
}

// wholeDisks is the set of block devices that are no partitions, by the name that
// diskstats has for them.
func (m machine) wholeDisks() (map[string]bool, error) {
	entries, err := os.ReadDir(filepath.Join(m.sys, "block"))
	if err != nil {
		return nil, err
	}
	whole := make(map[string]bool, len(entries))
	for _, e := range entries {
		whole[strings.ReplaceAll(e.Name(), "!", "/")] = true // a file name holds no slash
	}
	return whole, nil
}

// devicePath is where the disk stands in /dev. A device-mapper volume goes by its name, as
// in the list of mounts: its number is another one after the next boot.
func (m machine) devicePath(name string) string {
	if strings.HasPrefix(name, "dm-") {
		if mapped := attribute(filepath.Join(m.sys, "block", name, "dm/name")); mapped != "" {
			return "/dev/mapper/" + mapped
		}
	}
	return "/dev/" + readable(name)
}

// comesUnused tells the devices that a driver makes by the dozen for whoever may want one.
func comesUnused(name string) bool {
	for _, driver := range [...]string{"loop", "ram", "zram", "nbd"} {
		if strings.HasPrefix(name, driver) {
			return true
		}
	}
	return false
}
