package host

import (
	"sync"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// subject is what samples are about.
type subject struct {
	resource string
	metadata metering.Metadata
}

// emit yields a sample for each volume. Volumes stand in the order of meters, and a null
// one is something that the machine does not have: it has no sample.
func emit(yield yieldFunc, meters []pollster.Meter, s subject, at metering.Volume, volumes ...metering.Volume) bool {
	for i, v := range volumes {
		if v.IsNull() {
			continue
		}
		sample := metering.Sample{
			Name:          meters[i].Name,
			Type:          meters[i].Type,
			Unit:          meters[i].Unit,
			Volume:        v,
			ResourceID:    s.resource,
			Metadata:      s.metadata,
			MonotonicTime: at,
		}
		if !yield(sample, nil) {
			return false
		}
	}
	return true
}

func fail(yield yieldFunc, err error) bool { return yield(metering.Sample{}, err) }

// monotonic is the seconds of CLOCK_MONOTONIC, or null should there be no such clock.
func monotonic() metering.Volume {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return metering.Volume{}
	}
	return metering.Float(float64(t.Sec) + float64(t.Nsec)/1e9)
}

// memo keeps the metadata of what was seen in this poll and in the one before, so that
// it is rendered only when a property has changed. P holds all properties.
type memo[P comparable] struct {
	render func(P) map[string]any

	mu          sync.Mutex
	now, before map[P]metering.Metadata
}

func newMemo[P comparable](render func(P) map[string]any) *memo[P] {
	return &memo[P]{
		render: render,
		now:    make(map[P]metering.Metadata),
		before: make(map[P]metering.Metadata),
	}
}

// turn begins a poll: what was not seen in the last one is forgotten.
func (m *memo[P]) turn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now, m.before = m.before, m.now
	clear(m.now)
}

func (m *memo[P]) of(p P) metering.Metadata {
	m.mu.Lock()
	defer m.mu.Unlock()
	if md, ok := m.now[p]; ok {
		return md
	}
	md, ok := m.before[p]
	if !ok {
		md = metering.MetadataOf(m.render(p))
	}
	m.now[p] = md
	return md
}

// wholeHost makes the subject of meters that concern the machine as a whole.
func wholeHost() func(host string) subject {
	metadata := newMemo(func(host string) map[string]any { return map[string]any{"host": host} })
	return func(host string) subject {
		metadata.turn()
		return subject{resource: host, metadata: metadata.of(host)}
	}
}
