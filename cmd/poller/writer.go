package main

import (
	"context"
	"fmt"
	"time"

	"github.com/ringmeter/ringmeter/bus"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/partition"
)

// sampleTopic is where polled samples travel: Ceilometer's default topic and priority.
const sampleTopic = "notifications.sample"

// busWriter puts batches of samples on a bus: it is what pollsters write to. It does not
// sign: inside one process nobody else can put a sample on the bus, and a signature costs
// as much as the rest of a sample's way. Publishers sign what they send out signed.
type busWriter struct {
	to bus.Sender
	// settled waits until a topic is acknowledged; nil does not wait. With other workers
	// about, claims are done only when their samples have left the process: should it die
	// before, somebody polls again.
	settled func(ctx context.Context, topic string) error
}

// settleLimit is how long that may hold up polling. A publisher that takes longer has its
// samples queued by then.
const settleLimit = 2 * time.Second

// Write implements pollster.Writer. A batch is one message, identified by its first
// sample, so that a batch that is written again is recognised.
func (w busWriter) Write(ctx context.Context, claims []partition.Claim, samples []metering.Sample) error {
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
	if w.settled != nil && len(claims) > 0 {
		ctx, cancel := context.WithTimeout(ctx, settleLimit)
		defer cancel()
		_ = w.settled(ctx, sampleTopic) // they are on the bus, so sending them again would double them
	}
	return nil
}
