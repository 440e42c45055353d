package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func blockMeters() []pollster.Meter {
	return []pollster.Meter{
		{Name: "hardware.system_stats.io.incoming.blocks", Type: metering.Cumulative, Unit: "blocks",
			Help: "blocks of 512 bytes read from block devices since boot (SNMP's ssIORawReceived)"},
		{Name: "hardware.system_stats.io.outgoing.blocks", Type: metering.Cumulative, Unit: "blocks",
			Help: "blocks of 512 bytes written to block devices since boot (SNMP's ssIORawSent)"},
	}
}

// blocksPerKiB turns the KiB of pgpgin and pgpgout into the blocks that snmpd reports for
// them: it doubles both.
const blocksPerKiB = 2

func (m machine) blocks() (reader, error) {
	meters, whole := blockMeters(), wholeHost()
	path := filepath.Join(m.proc, "vmstat")
	return func(_ context.Context, host string, yield yieldFunc) bool {
		in, out, err := readPaging(path)
		if err != nil {
			return fail(yield, fmt.Errorf("reading block I/O: %w", err))
		}
		return emit(yield, meters, whole(host), monotonic(), in, out)
	}, nil
}

// readPaging reads pgpgin and pgpgout; one that is not there is null.
func readPaging(path string) (in, out metering.Volume, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return in, out, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "pgpgin" && name != "pgpgout" {
			continue
		}
		kib, err := strconv.ParseUint(value, 10, 64)
		if err != nil {
			return in, out, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		if name == "pgpgin" {
			in = metering.Uint(kib * blocksPerKiB)
		} else {
			out = metering.Uint(kib * blocksPerKiB)
		}
	}
	return in, out, nil
}
