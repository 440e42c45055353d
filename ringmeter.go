// Package ringmeter is a metering polling agent: it samples what exists on intervals and
// sends every sample through a pipeline to where it is billed and watched.
//
// Data flows one way:
//
//	discovery ──► partition ──► pollster ──► bus ──► pipeline ──► publisher
//	(list)        (mine?)       (sample)             (source → sink)
//
// One package holds each word: discovery knows what exists, partition who does what,
// pollster when and how a resource becomes samples, bus moves messages and says when they
// are safe, pipeline decides what happens to them. Package metering is what flows. Only
// cmd/poller knows all of them. Several pollers share the work by a ring; where they meet
// is a coordinator, see package partition.
//
// This package itself holds the pipeline that runs when no other is configured.
package ringmeter

import _ "embed"

// DefaultPipeline is the content of pipeline.yaml: sources with intervals for the poller,
// sources and sinks for the pipeline.
//
//go:embed pipeline.yaml
var DefaultPipeline []byte
