// Package publish takes samples out of the process: it opens the publishers of a
// pipeline by URL and keeps their failures away from everything else.
//
//	file:///path?json&max_bytes=N&backup_count=M   a line per sample, rotated
//	http://, https://                              POST of a JSON array
//	prometheus://host:port/metrics/job/name        push gateway
//	prometheus://?prefix=P&expire=S                this process's own /metrics
//	tcp://host:port, udp://host:port               msgpack, signed
//	stdout://                                      a JSON object per line
//	test://                                        kept in memory
//
// [Set] owns them. All but the local ones (test, prometheus without a host) are
// wrapped as queue(timed(publisher)) with a goroutine of their own, and take the
// parameters policy, max_queue_length and max_retry:
//
//   - policy=default tries each batch max_retry times (100), then sets it aside;
//   - policy=queue tries for ever;
//   - policy=drop tries once.
//
// In all three the queue holds at most max_queue_length batches (1024; 0: as many as
// fit) and 64 MiB; beyond that the oldest batches go. Attempts that deliver a part of a
// batch start the count anew with the rest. Between attempts it waits from a tenth of a
// second to half a minute, or as long as a Retry-After asks. An answer that trying
// again does not cure (HTTP 4xx but 408, 425 and 429; a sample too big for a datagram)
// sets aside what it is about, at once. A batch that http refuses for what is in it (400,
// 413, 422) goes again in parts before that, so that one sample costs no other. Whatever is given up is counted with its reason,
// and the last few batches are shown with theirs.
//
// What is acknowledged when: Publish returns nil when the samples are delivered, and
// else after one second, when they are in the queue; at once while the publisher is
// known to fail or to hang. Delivered means: written to the file (and durable when the
// file is rotated or closed), answered with success by the other side of http and
// prometheus, acknowledged by the other host's kernel for tcp, sent and not reported as
// undeliverable for udp. Local publishers work while Publish is waiting, and an error of
// theirs is returned.
//
// Order: a publisher delivers in the order in which Publish was called. Push gateways get
// the resources of one batch side by side, and only the newest sample of a series.
//
// How often: at least once. A time-out can hide a success, and a broken tcp connection
// or a refused datagram sends the whole batch again. Samples have ids, by which the
// other side recognises them. In a file each sample is written once, and no error and no
// full disk leaves a part of a line in it; what a crash has left of one is cut off when
// the file is opened again.
//
// What a crash loses: the queues, which are in memory. What a stop loses: what could not
// be delivered within the drain time; it is counted and logged. What a lost power
// supply loses beside that: what the kernel had not yet written of a file.
//
// Unlike Ceilometer, an HTTP answer that is neither 2xx nor 3xx is a failure, a redirect
// that would turn a POST into a GET is one too, label values are escaped, and policies do
// what they say.
package publish
