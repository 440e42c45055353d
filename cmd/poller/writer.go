package main

import (
	"context"
	"fmt"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
)

// sampleTopic is where polled samples travel: Ceilometer's default topic and priority.
const sampleTopic = "notifications.sample"

// busWriter puts batches of samples on a bus: it is what pollsters write to. It does not
// sign: inside one process nobody else can put a sample on the bus, and a signature costs
// as much as the rest of a sample's way. Publishers sign what they send out signed.
type busWriter struct{ to bus.Sender }

// Write implements pollster.Writer. A batch is one message, identified by its first
// sample, so that a batch that is written again is recognised.
func (w busWriter) Write(ctx context.Context, _ []partition.Claim, samples []metering.Sample) error {
	if len(samples) == 0 {
		return nil
	}
	const fixed = 512 // what a sample needs beside its metadata, about
	size := 16
	for i := range samples {
		size += fixed + len(samples[i].Metadata)
	}
	payload := metering.AppendBatch(make([]byte, 0, size), samples)
	if err := w.to.Send(ctx, sampleTopic, bus.Message{ID: samples[0].ID, Payload: payload}); err != nil {
		return fmt.Errorf("sending %d samples to the bus: %w", len(samples), err)
	}
	return nil
}
