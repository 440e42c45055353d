// Package pipeline decides what happens to samples: sources match them by meter, sinks
// hand them to publishers. Every pair of a source and one of its sinks is a pipeline of
// its own, so a sample that two sources lead to one sink reaches it twice, as in
// Ceilometer.
//
// [Pipeline.Handle] takes one batch of messages at a time from the bus:
//
//	message → decode → match → sink → publishers
//
// What is acknowledged when: Handle returns nil, which acknowledges the batch, only
// after every publisher of every matching sink has taken its samples. A network
// publisher has taken them when they are delivered or, if that takes longer than about a
// second, when they are in its own bounded queue; package publish says what that means.
// If Handle fails, the batch comes again, and then only those publishers get it that have
// not taken it.
//
// What is left out: a message that cannot be read is set aside with its reason, and so
// is one of which only some samples can be read, after those were published. A sample
// without a volume is dropped, counted, and logged once per meter. A sample that no
// source matches is counted and goes nowhere.
//
// Order: each publisher gets the samples of one pipeline in the order of the bus.
// Publishers are served side by side: a slow one does not delay the hand-over to the
// others, but the batch after it waits until it has taken this one.
//
// What is bounded: the samples of one batch of the bus; 8192 remembered meter names (the
// others are matched anew each time and are counted together); 4096 messages remembered
// as taken in part.
//
// What a crash loses: nothing here. What was not acknowledged is still on the bus, and
// what it does with that is its own promise; after a crash a batch can come again to
// publishers that had taken it.
//
// It does not transform samples, aggregate them, or drop duplicates of different
// messages.
package pipeline
