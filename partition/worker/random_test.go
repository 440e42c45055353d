package worker_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// disorder is a random schedule of faults, the same for the same seed.
type disorder struct {
	*rand.Rand
	w  *world
	ms []*member
}

// outage makes the coordinator refuse or hang for all.
func (d *disorder) outage() {
	length := time.Duration(1+d.IntN(120)) * time.Second
	hang := d.IntN(2) == 0
	d.w.all(fault{refuse: !hang, hang: hang})
	pass(length)
	d.w.all(fault{})
}

// set sets the coordinator's clock, mostly unseen, otherwise while it is away.
func (d *disorder) set() {
	if d.IntN(3) == 0 {
		d.w.all(fault{refuse: true})
		defer d.w.all(fault{})
		pass(time.Duration(1+d.IntN(40)) * time.Second)
	}
	by := time.Duration(d.IntN(40_000)-20_000) * time.Millisecond
	d.w.server.change(func(*steps.Group) { d.w.server.offset += by })
}

func (d *disorder) amnesia() { d.w.server.forget() }

// loss loses a part of all answers.
func (d *disorder) loss() {
	one := int64(2 + d.IntN(3))
	var n atomic.Int64
	d.w.all(fault{lose: func(string) bool { return n.Add(1)%one == 0 }})
	pass(time.Duration(d.IntN(20)) * time.Second)
	d.w.all(fault{})
}

// one does something to one member for a while.
func (d *disorder) one(f fault) {
	m := d.ms[d.IntN(len(d.ms))]
	m.link.set(f)
	pass(time.Duration(1+d.IntN(60)) * time.Second)
	m.link.set(fault{})
}

func (d *disorder) cut()    { d.one(fault{refuse: true}) }
func (d *disorder) silent() { d.one(fault{hang: true}) }
func (d *disorder) frozen() { d.one(freeze()) }
func (d *disorder) slow()   { d.one(fault{delay: time.Duration(d.IntN(3000)) * time.Millisecond}) }

// run has three or four members work while one fault follows the other.
func disordered(w *world, seed uint64, faults func(*disorder) []func()) *record {
	d := &disorder{Rand: rand.New(rand.NewPCG(seed, 0)), w: w}
	for i := range 3 + d.IntN(2) {
		d.ms = append(d.ms, w.join(string(rune('a'+i))))
	}
	pass(ttl)
	r := newRecord(d.ms...)
	w.reach(d.ms[0], 0)
	stop := r.poll(w, d.ms...)
	// Half a second off: when a cycle begins in the very moment in which the coordinator goes
	// away, right after the view has changed, members may be on two views.
	pass(time.Duration(d.IntN(60))*time.Second + time.Second/2)
	for range 6 {
		all := faults(d)
		all[d.IntN(len(all))]()
		pass(time.Duration(d.IntN(60)) * time.Second)
	}
	pass(2 * interval)
	stop()
	return r
}

const seeds = 40

// TestNothingLostOrDoubled: with faults of the coordinator alone everything is polled by
// its owner, once.
func TestNothingLostOrDoubled(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := disordered(w, seed, func(d *disorder) []func() { return []func(){d.outage, d.amnesia, d.loss} })
				r.wantEachOnce(t)
			})
		})
	}
}

// TestNoRivals: whatever happens, no two members may publish the same at the same time.
func TestNoRivals(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, func(w *world) {
				r := disordered(w, seed, func(d *disorder) []func() {
					return []func(){d.outage, d.amnesia, d.loss, d.set, d.cut, d.silent, d.frozen, d.slow}
				})
				r.wantNoRivals(t)
			})
		})
	}
}
