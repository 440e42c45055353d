package memory_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/bus/memory"
)

func Example() {
	ctx := context.Background()
	b := memory.New(memory.Config{})
	for _, text := range []string{"cpu 12", "garbage", "memory 34"} {
		if err := b.Send(ctx, "samples", bus.Message{ID: text, Payload: []byte(text)}); err != nil {
			fmt.Println(err)
		}
	}
	b.Close() // Receive returns once everything is handled
	err := b.Receive(ctx, "samples", func(_ context.Context, batch *bus.Batch) error {
		for i, m := range batch.Messages {
			var name string
			var value int
			if n, _ := fmt.Sscan(string(m.Payload), &name, &value); n != 2 {
				batch.Reject(i, errors.New("not a name and a number"))
				continue
			}
			fmt.Println(name, "=", value)
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	for _, r := range b.Rejected("samples") {
		fmt.Printf("rejected %q: %v\n", r.Message.ID, r.Reason)
	}
	// Output:
	// cpu = 12
	// memory = 34
	// rejected "garbage": not a name and a number
}
