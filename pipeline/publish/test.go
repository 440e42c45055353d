package publish

import (
	"context"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/metering"
)

// maxTest bounds the samples that a Test keeps.
const maxTest = 1 << 12

// Test is the publisher test://: it keeps the newest samples in memory, at least 4096,
// and counts all. Host and path only tell several of them apart.
type Test struct {
	mu      sync.Mutex
	kept    []metering.Sample
	samples uint64
	calls   uint64
}

func readTest(*options) opener {
	return func(Env) (samples, error) { return &Test{}, nil }
}

// Publish implements pipeline.Publisher.
func (t *Test) Publish(_ context.Context, batch []metering.Sample) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls++
	t.samples += uint64(len(batch))
	t.kept = append(t.kept, batch...)
	if len(t.kept) > 2*maxTest {
		t.kept = append(t.kept[:0], t.kept[len(t.kept)-maxTest:]...)
	}
	return nil
}

// Samples are those it keeps, oldest first.
func (t *Test) Samples() []metering.Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.kept)
}

// Counts are all samples and all calls of Publish.
func (t *Test) Counts() (samples, calls uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.samples, t.calls
}
