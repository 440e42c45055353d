package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// scenario is a kind of trouble and what it may cost at most.
type scenario struct {
	name    string
	workers int // at least
	lost    int // (resource, cycle) that may be lost
	doubled int // and doubled, with equal ids
	play    func(*world)
}

// inFlight bounds what one worker can have polled and not marked as done: a step of a
// cycle, or some when it is far behind.
const inFlight = 12

// scenarios lists all kinds of trouble. Where nothing is allowed to be lost or doubled
// that is what is promised.
func scenarios() []scenario {
	return []scenario{
		{name: "steady", workers: 1, play: func(w *world) { w.sleep(interval) }},
		{name: "kill", workers: 2, doubled: inFlight, play: func(w *world) {
			id := w.any()
			w.note("kill -9 of %s", id)
			w.kill(id)
		}},
		{name: "crash and restart", workers: 2, doubled: inFlight, play: func(w *world) {
			id := w.any()
			w.note("%s crashes", id)
			w.kill(id)
			w.sleep(w.upTo(12 * time.Second))
			w.note("%s starts again", id)
			w.start(id)
		}},
		{name: "leave", workers: 2, play: func(w *world) {
			id := w.any()
			w.note("SIGTERM for %s", id)
			w.leave(id)
		}},
		{name: "join", workers: 1, play: func(w *world) {
			for n := range 1 + w.rand.IntN(3) {
				w.note("newcomer %d", n)
				w.start(fmt.Sprintf("newcomer-%d", n))
				w.sleep(w.upTo(10 * time.Second))
			}
		}},
		{name: "join storm", workers: 1, play: func(w *world) {
			for n := range 8 {
				w.start(fmt.Sprintf("newcomer-%d", n))
				w.sleep(w.upTo(4 * time.Second))
			}
			w.sleep(w.upTo(interval))
			for n := range 8 {
				w.leave(fmt.Sprintf("newcomer-%d", n))
			}
		}},
		{name: "rolling restart", workers: 2, play: func(w *world) {
			for _, id := range w.ids() {
				w.note("SIGTERM for %s", id)
				w.leave(id)
				w.sleep(w.upTo(10 * time.Second))
				w.start(id)
				w.note("%s starts again", id)
				w.sleep(w.upTo(20 * time.Second))
			}
		}},
		{name: "short pause", workers: 1, play: func(w *world) { w.pause(w.any(), w.upTo(8*time.Second)) }},
		{name: "pause", workers: 2, doubled: inFlight, play: func(w *world) {
			w.pause(w.any(), 16*time.Second+w.upTo(40*time.Second))
		}},
		{name: "outage", workers: 1, play: func(w *world) { w.outageFor(w.upTo(150 * time.Second)) }},
		{name: "frozen late in a cycle", workers: 2, play: func(w *world) {
			w.until(w.cycle()+1, 0.4+0.4*w.rand.Float64())
			w.outageOf(frozen, 8*time.Second+w.upTo(20*time.Second))
		}},
		{name: "one cut off that nobody answers", workers: 2, doubled: 3 * resources, play: func(w *world) {
			p := w.running[w.any()]
			p.mute.Store(true)
			w.cutOff(p.id, w.upTo(150*time.Second))
			p.mute.Store(false)
		}},
		{name: "amnesia", workers: 1, play: func(w *world) {
			w.note("the coordinator forgets everything")
			w.coordinator.forget()
		}},
		{name: "outage with amnesia", workers: 1, play: func(w *world) {
			w.outageFor(w.upTo(60 * time.Second))
			w.coordinator.forget()
		}},
		{name: "one cut off", workers: 2, doubled: inFlight, play: func(w *world) {
			id := w.any()
			w.cutOff(id, w.upTo(150*time.Second))
		}},
		{name: "lost answers", workers: 1, play: func(w *world) {
			w.note("one answer in ten is lost")
			for _, id := range w.ids() {
				w.running[id].link.change(func(l *link) { l.lossy = 0.1 })
			}
			w.sleep(interval + w.upTo(interval))
			for _, id := range w.ids() {
				w.running[id].link.change(func(l *link) { l.lossy = 0 })
			}
		}},
		{name: "slow coordinator", workers: 1, play: func(w *world) {
			w.note("requests take more than half a second")
			for _, id := range w.ids() {
				w.running[id].link.change(func(l *link) { l.slow = 600 * time.Millisecond })
			}
			w.sleep(w.upTo(interval))
			for _, id := range w.ids() {
				w.running[id].link.change(func(l *link) { l.slow = 0 })
			}
		}},
		{name: "one slow worker", workers: 3, lost: inFlight, play: func(w *world) {
			p := w.running[w.any()]
			w.note("polls of %s take long", p.id)
			p.setPace(4 * time.Second)
			w.sleep(interval)
			p.setPace(w.pace)
		}},
		{name: "another clock", workers: 1, play: func(w *world) {
			by := w.upTo(4*time.Second) - 2*time.Second
			w.note("the coordinator's clock is set by %v", by)
			w.coordinator.turn(by)
		}},
	}
}

// upTo is a time that chance decides.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.rand.Int64N(int64(d))) }

func (p *process) setPace(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pace = d
}

func (w *world) pause(id string, d time.Duration) {
	p := w.running[id]
	w.note("SIGSTOP for %s, %v", id, d)
	p.gate.freeze()
	w.sleep(d)
	w.note("SIGCONT for %s", id)
	p.gate.unfreeze()
}

func (w *world) cutOff(id string, d time.Duration) {
	l := w.running[id].link
	how := refused + cut(w.rand.IntN(2))
	w.note("%s is cut off for %v, kind %d", id, d, how)
	l.change(func(l *link) { l.how = how })
	w.sleep(d)
	w.note("%s is not cut off any more", id)
	l.change(func(l *link) { l.how = w.outage })
}

func (w *world) outageFor(d time.Duration) { w.outageOf(refused+cut(w.rand.IntN(numCuts-1)), d) }

func (w *world) outageOf(how cut, d time.Duration) {
	w.outage = how
	w.note("the coordinator is away for %v, kind %d", d, w.outage)
	for _, id := range w.ids() {
		w.running[id].link.change(func(l *link) { l.how = w.outage })
	}
	w.sleep(d)
	w.outage = open
	w.note("the coordinator is back")
	w.coordinator.thaw()
	for _, id := range w.ids() {
		w.running[id].link.change(func(l *link) { l.how = open })
	}
}

// chaos is several troubles at once, in the hands of one dice.
func chaos(w *world) {
	all := scenarios()
	for range 2 + w.rand.IntN(4) {
		w.trouble(all[w.rand.IntN(len(all))])
		w.sleep(w.upTo(interval / 2))
	}
}

// trouble plays a scenario, with as many workers as it needs.
func (w *world) trouble(s scenario) {
	for n := len(w.running); n < s.workers; n++ {
		w.start(fmt.Sprintf("extra-%d", w.lives))
	}
	w.note("-- %s", s.name)
	s.play(w)
}

// pick is the scenario of a seed; nil for chaos.
func pick(seed uint64) *scenario {
	all := scenarios()
	r := rand.New(rand.NewPCG(seed, 1))
	if r.IntN(4) == 0 {
		return nil
	}
	return &all[seed%uint64(len(all))]
}
