package simulation

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// number reads an environment variable.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestSimulation plays a scenario per seed: the promises of one kind of trouble by itself,
// and that everything is in order again some time after any mixture.
func TestSimulation(t *testing.T) {
	first, n := uint64(1), number(t, "RINGMETER_SEEDS", 34)
	if one := number(t, "RINGMETER_SEED", 0); one > 0 {
		first, n = one, 1
	}
	type sum struct{ runs, lost, doubled int }
	sums := map[string]*sum{}
	for seed := first; seed < first+n; seed++ {
		s := pick(seed)
		title := "chaos"
		if s != nil {
			title = s.name
		}
		if sums[title] == nil {
			sums[title] = &sum{}
		}
		t.Run(fmt.Sprintf("seed=%d %s", seed, title), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lost, doubled := play(t, seed, s)
				sums[title].runs++
				sums[title].lost += lost
				sums[title].doubled += doubled
			})
		})
	}
	for title, s := range sums {
		t.Logf("%-20s %4d runs, lost %d, doubled %d of %d (resource, cycle) a cycle", title, s.runs, s.lost, s.doubled, resources)
	}
}

// play runs one seed and reports what was lost and doubled meanwhile.
func play(t *testing.T, seed uint64, s *scenario) (lost, doubled int) {
	w := newWorld(t, seed)
	least := 1
	if s != nil {
		least = s.workers
	}
	for i := range max(least, 1+w.rand.IntN(4)) {
		w.start(fmt.Sprintf("worker-%d", i))
		w.sleep(w.upTo(3 * time.Second))
	}
	first := w.cycle() + 2
	for k := first - 2; k < first+40; k++ {
		w.record.expect(k)
	}
	w.until(first, w.rand.Float64())
	if s != nil {
		w.trouble(*s)
	} else {
		chaos(w)
	}
	settled := w.cycle() + 3 // a cycle may end in trouble, and a grace lasts half of one
	last := settled + quiet - 1
	w.until(last+1, 0.5)
	w.note("the end")
	for _, id := range w.ids() {
		w.leave(id)
	}
	for _, p := range w.gone {
		<-p.over
	}

	lost, doubled, which := w.record.count(first, last)
	fail := func(format string, args ...any) {
		t.Errorf(format, args...)
		for _, line := range which {
			t.Log(line)
		}
	}
	for _, broken := range w.coordinator.broken {
		fail("%s", broken)
	}
	if s != nil && (lost > s.lost || doubled > s.doubled) {
		fail("lost %d and doubled %d, allowed are %d and %d", lost, doubled, s.lost, s.doubled)
	}
	if l, d, w := w.record.count(settled, last); l > 0 || d > 0 {
		which = w
		fail("lost %d and doubled %d in the %d cycles after everything was in order again", l, d, quiet)
	}
	if t.Failed() {
		t.Logf("RINGMETER_SEED=%d replays this:", seed)
		for _, line := range w.story {
			t.Log(line)
		}
	}
	return lost, doubled
}
