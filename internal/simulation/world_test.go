package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/metering"
)

const (
	interval   = time.Minute
	resources  = 120
	partitions = 61
	quiet      = 2 // cycles at the end in which nothing happens
)

// world is one run: the workers, the coordinator, and what was recorded of them.
type world struct {
	t           testing.TB
	seed        uint64
	rand        *rand.Rand // of the scenario
	begun       time.Time
	pace        time.Duration
	share       bool
	coordinator *coordinator
	running     map[string]*process
	gone        []*process
	lives       int
	outage      cut
	record      *record

	mu    sync.Mutex
	story []string
	lists int
}

func newWorld(t testing.TB, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 0))
	w := &world{t: t, seed: seed, rand: r, begun: time.Now(), running: map[string]*process{},
		pace:  time.Duration(20+r.IntN(200)) * time.Millisecond,
		share: r.IntN(3) > 0, record: newRecord()}
	w.coordinator = newCoordinator(time.Duration(r.IntN(7200)-3600) * time.Second)
	return w
}

// note adds to the story.
func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Since(w.begun)
	clock := time.Duration(w.coordinator.now().UnixNano()) % interval
	w.story = append(w.story, fmt.Sprintf("%9.3fs (%5.2f) %s", at.Seconds(), clock.Seconds(), fmt.Sprintf(format, args...)))
}

func (w *world) listed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lists++
}

// find is the living process at an address.
func (w *world) find(address string) *process {
	return w.record.member(strings.TrimPrefix(address, "sim://"))
}

// cycle is the number of the cycle now.
func (w *world) cycle() int64 { return w.coordinator.now().UnixNano() / int64(interval) }

// sleep lets simulated time pass.
func (w *world) sleep(d time.Duration) { _ = wait(w.t.Context(), d) }

// until waits for a moment of a cycle, as a fraction of it.
func (w *world) until(cycle int64, at float64) {
	due := time.Unix(0, cycle*int64(interval)).Add(time.Duration(at * float64(interval)))
	w.sleep(due.Sub(w.coordinator.now()))
}

// ids lists those who run.
func (w *world) ids() []string {
	var ids []string
	for id := range w.running {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) any() string {
	ids := w.ids()
	return ids[w.rand.IntN(len(ids))]
}

// record is who has published what of which cycle.
type record struct {
	mu        sync.Mutex
	known     map[string]publication // by sample id
	published map[publication][]string
	members   map[string]*process
}

type publication struct {
	resource string
	cycle    int64
}

func newRecord() *record {
	return &record{known: map[string]publication{}, published: map[publication][]string{}, members: map[string]*process{}}
}

// expect learns the ids of the samples of a cycle.
func (r *record) expect(cycle int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range resources {
		r.known[metering.SampleID("source", name(i), "meter", cycle, 0)] = publication{name(i), cycle}
	}
}

func (r *record) add(by string, samples []metering.Sample) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range samples {
		p := r.known[s.ID]
		r.published[p] = append(r.published[p], by)
	}
}

// meet notes who can be asked under an id; nil for nobody.
func (r *record) meet(id string, p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members[id] = p
}

func (r *record) member(id string) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.members[id]
}

// count says how many (resource, cycle) of a span of cycles were lost and doubled, and
// names some.
func (r *record) count(first, last int64) (lost, doubled int, which []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k := first; k <= last; k++ {
		for i := range resources {
			by := r.published[publication{name(i), k}]
			switch {
			case len(by) == 0:
				lost++
			case len(by) > 1:
				doubled += len(by) - 1
			default:
				continue
			}
			if len(which) < 12 {
				which = append(which, fmt.Sprintf("cycle %d %s (partition %d): by %v", k, name(i), settings().Partition(name(i)), by))
			}
		}
	}
	return lost, doubled, which
}
