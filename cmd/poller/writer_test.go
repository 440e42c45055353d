package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/memory"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
)

// TestWriterWaits: what was polled under a claim is written when it has left the bus, or
// when that takes too long; it is put there once in either case.
func TestWriterWaits(t *testing.T) {
	for name, test := range map[string]struct {
		claims []partition.Claim
		takes  time.Duration // of the handler
		want   time.Duration // of Write
	}{
		"nobody else polls it":   {takes: time.Second},
		"somebody else would":    {claims: make([]partition.Claim, 1), takes: time.Second, want: time.Second},
		"a publisher that hangs": {claims: make([]partition.Claim, 1), takes: time.Minute, want: settleLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := memory.New(memory.Config{})
				handled := 0
				done := make(chan struct{})
				go func() {
					defer close(done)
					_ = b.Receive(t.Context(), sampleTopic, func(_ context.Context, batch *bus.Batch) error {
						<-time.After(test.takes)
						handled += len(batch.Messages)
						return nil
					})
				}()
				begun := time.Now()
				w := busWriter{to: b, settled: b.Settled}
				if err := w.Write(t.Context(), test.claims, make([]metering.Sample, 3)); err != nil {
					t.Error(err)
				}
				if took := time.Since(begun); took != test.want {
					t.Errorf("writing took %v, want %v", took, test.want)
				}
				b.Close()
				<-done
				if handled != 1 {
					t.Errorf("%d messages, want one", handled)
				}
			})
		})
	}
}
