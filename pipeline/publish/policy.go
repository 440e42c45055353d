package publish

import "slices"

// policy says what becomes of a batch that cannot be delivered at once.
type policy struct {
	attempts int // of one batch without progress; 0 is without end
	entries  int // batches that may wait; 0 is without bound but that of bytes
	bytes    int // that may wait
}

const (
	defaultEntries  = 1024
	defaultAttempts = 100
	defaultBudget   = 64 << 20
)

// readPolicy reads policy, max_queue_length and max_retry.
func readPolicy(o *options) policy {
	p := policy{
		entries: o.number("max_queue_length", defaultEntries, 0),
		bytes:   defaultBudget,
	}
	attempts := o.number("max_retry", defaultAttempts, 0)
	names := []string{"default", "queue", "drop"}
	switch name := o.text("policy", names[0]); name {
	case "default":
		p.attempts = max(attempts, 1)
	case "queue":
	case "drop":
		p.attempts = 1
	default:
		o.fail("policy", name, "one of default, queue and drop", slices.Values(names))
	}
	return p
}
