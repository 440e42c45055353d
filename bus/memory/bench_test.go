package memory_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/memory"
)

// BenchmarkThroughput moves messages of 600 bytes from one sender to one handler.
func BenchmarkThroughput(b *testing.B) {
	for _, perSend := range []int{1, 100} {
		b.Run(fmt.Sprintf("per send=%d", perSend), func(b *testing.B) {
			m := memory.New(memory.Config{})
			var wg sync.WaitGroup
			handled := 0
			wg.Go(func() {
				_ = m.Receive(b.Context(), "t", func(_ context.Context, batch *bus.Batch) error {
					handled += len(batch.Messages)
					return nil
				})
			})
			var to bus.Sender = m
			msgs := make([]bus.Message, perSend)
			for i := range msgs {
				msgs[i] = bus.Message{ID: "6f1e3c5a-0000-4000-8000-000000000001", Payload: make([]byte, 600)}
			}
			b.ReportAllocs()
			sent := 0
			for b.Loop() {
				if err := to.Send(b.Context(), "t", msgs...); err != nil {
					b.Fatal(err)
				}
				sent += perSend
			}
			m.Close()
			wg.Wait()
			if handled != sent {
				b.Fatalf("handled %d of %d messages", handled, sent)
			}
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
