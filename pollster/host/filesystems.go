package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func filesystemMeters() []pollster.Meter {
	return []pollster.Meter{
		{Name: "hardware.disk.size.total", Type: metering.Gauge, Unit: "KB",
			Help: "size of a mounted filesystem, in KiB"},
		{Name: "hardware.disk.size.used", Type: metering.Gauge, Unit: "KB",
			Help: "space of a mounted filesystem that is not free, in KiB"},
	}
}

type filesystemProperties struct{ host, device, path string }

func (m machine) filesystems() (reader, error) {
	meters, calls := filesystemMeters(), newStatfsCalls(m.statfs)
	metadata := newMemo(func(p filesystemProperties) map[string]any {
		return map[string]any{"host": p.host, "device": p.device, "path": p.path}
	})
	return func(ctx context.Context, host string, yield yieldFunc) bool {
		all, err := m.readMounts()
		if err != nil {
			return fail(yield, fmt.Errorf("listing filesystems: %w", err))
		}
		metadata.turn()
		mounts := filesystemsOf(all)
		paths := make([]string, len(mounts))
		for i, each := range mounts {
			paths[i] = filepath.Join(m.root, each.path)
		}
		answers := calls.all(ctx, paths, func(i int) bool { return mounts[i].local() })
		at := monotonic()
		for i, each := range mounts {
			a := answers[i]
			if errors.Is(a.err, fs.ErrPermission) {
				continue // somebody's FUSE, which nobody else may look at
			}
			if a.err != nil {
				if !fail(yield, fmt.Errorf("reading the size of %s: %w", each.path, a.err)) {
					return false
				}
				continue
			}
			p := filesystemProperties{host, readable(each.name()), readable(each.path)}
			total, used := sizes(&a.size)
			if !emit(yield, meters, subject{host + "." + p.device, metadata.of(p)}, at, total, used) {
				return false
			}
		}
		return true
	}, nil
}

// sizes are in KiB. Both are null for a filesystem that has no size of its own.
func sizes(s *unix.Statfs_t) (total, used metering.Volume) {
	if s.Blocks == 0 {
		return metering.Volume{}, metering.Volume{}
	}
	// Blocks are counted in fragments where a filesystem has such (FUSE passes them on).
	unit := uint64(s.Frsize)
	if unit == 0 {
		unit = uint64(s.Bsize)
	}
	total = kib(s.Blocks, unit)
	if s.Bfree <= s.Blocks {
		used = kib(s.Blocks-s.Bfree, unit)
	}
	return total, used
}

// kib is blocks*unit/1024, null when that is no number of KiB that exists.
func kib(blocks, unit uint64) metering.Volume {
	hi, lo := bits.Mul64(blocks, unit)
	if hi >= 1024 {
		return metering.Volume{}
	}
	q, _ := bits.Div64(hi, lo, 1024)
	return metering.Uint(q)
}
