package host

import (
	"context"
	"fmt"

	"github.com/prometheus/procfs"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func loadMeters() []pollster.Meter {
	load := func(name, help string) pollster.Meter {
		return pollster.Meter{Name: "hardware.cpu.load." + name, Type: metering.Gauge, Unit: "process", Help: help}
	}
	return []pollster.Meter{
		load("1min", "processes that run or want to, averaged over a minute"),
		load("5min", "processes that run or want to, averaged over 5 minutes"),
		load("15min", "processes that run or want to, averaged over 15 minutes"),
	}
}

func (m machine) load() (reader, error) {
	proc, err := procfs.NewFS(m.proc)
	if err != nil {
		return nil, err
	}
	meters, whole := loadMeters(), wholeHost()
	return func(_ context.Context, host string, yield yieldFunc) bool {
		l, err := proc.LoadAvg()
		if err != nil {
			return fail(yield, fmt.Errorf("reading the load: %w", err))
		}
		return emit(yield, meters, whole(host), monotonic(),
			metering.Float(l.Load1), metering.Float(l.Load5), metering.Float(l.Load15))
	}, nil
}
