package memory_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/bustest"
	"github.com/ringmeter/ringmeter/bus/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	for name, config := range map[string]memory.Config{
		"defaults":            {},
		"ten at a time":       {MaxMessages: 64, MaxBatch: 10},
		"one by one":          {MaxMessages: 10, MaxBatch: 1},
		"batches beyond size": {MaxMessages: 16, MaxBatch: 1000},
		"bound by bytes":      {MaxBytes: 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bustest.Run(t, func(*testing.T) (bus.Sender, bus.Receiver) {
				b := memory.New(config)
				return b, b
			})
		})
	}
}
