package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

const (
	beatsPerLease = 5
	hurry         = time.Second // between heartbeats while something is about to change
	mostSteps     = 5           // of one heartbeat: a restored group needs three
)

var errStopped = errors.New("there are no more heartbeats")

// heart runs heartbeats one at a time, on its own goroutine, and lets others wait for one.
type heart struct {
	nudge  chan struct{} // holds one
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine is gone

	mu      sync.Mutex
	waiting []chan error
}

func newHeart() heart {
	return heart{nudge: make(chan struct{}, 1), ended: make(chan struct{})}
}

// beatNow waits for a heartbeat that begins after the call.
func (h *heart) beatNow(ctx context.Context) error {
	answer := make(chan error, 1)
	h.mu.Lock()
	h.waiting = append(h.waiting, answer)
	h.mu.Unlock()
	h.hasten()
	select {
	case err := <-answer:
		return err
	case <-h.ended:
		return errStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hasten asks for a heartbeat soon.
func (h *heart) hasten() {
	select {
	case h.nudge <- struct{}{}:
	default:
	}
}

// stop ends the goroutine and waits for it.
func (h *heart) stop() {
	h.cancel()
	<-h.ended
}

// run beats until ctx ends or beat says that it was the last time.
func (h *heart) run(ctx context.Context, beat func(context.Context) (pause time.Duration, err error)) {
	defer close(h.ended)
	pause := hurry // Join has just beaten
	for {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-h.nudge:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return
		}
		h.mu.Lock()
		answers := h.waiting
		h.waiting = nil
		h.mu.Unlock()
		var err error
		pause, err = beat(ctx)
		for _, answer := range answers {
			answer <- err
		}
		if errors.Is(err, partition.ErrReplaced) {
			return
		}
	}
}

// join makes the first heartbeat and starts the others.
func (m *membership) join(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.beatOnce(ctx); err != nil {
		return err
	}
	ctx, m.heart.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go m.heart.run(ctx, m.beat)
	return nil
}

// beat is one heartbeat with all that follows from its answer.
func (m *membership) beat(ctx context.Context) (pause time.Duration, err error) {
	regular := m.config.TTL / beatsPerLease
	if mode := m.State().Mode; mode == partition.Away || mode == partition.Fenced {
		m.doubt()
	}
	if err = m.handIn(ctx); err == nil { // before anybody sees this member alive again
		err = m.beatOnce(ctx)
	}
	if ctx.Err() != nil {
		return regular, ctx.Err()
	}
	if err != nil {
		m.withoutAnswer(ctx, err)
		return min(hurry, regular), err
	}
	if m.State().Mode == partition.Joining {
		return min(hurry, regular), nil
	}
	return regular, nil
}

// beatOnce beats, and restores the group and hands in the journal when the answer asks
// for it, until the coordinator is content.
func (m *membership) beatOnce(ctx context.Context) error {
	for range mostSteps {
		reply, err := m.sendBeat(ctx)
		if err != nil {
			return err
		}
		switch reply.Status {
		case steps.OK:
			if !m.newEra(reply.Era) {
				return nil
			}
			if err := m.handIn(ctx); err != nil {
				return err
			}
		case steps.Amnesia:
			m.log.Warn("coordinator has lost its memory, restoring the group", "epoch", m.Ring().View().Epoch)
			if err := m.restore(ctx); err != nil {
				return err
			}
		case steps.Late: // its clock was set, and is known now
		case steps.Replaced:
			m.mu.Lock()
			m.set(partition.Replaced, partition.ErrReplaced.Error())
			m.mu.Unlock()
			m.log.Error("another worker has joined under this member id, so this one ends")
			return partition.ErrReplaced
		case steps.Mismatch:
			return &partition.MismatchError{Group: m.group, Theirs: reply.Settings, Ours: m.config.Settings.String()}
		default:
			return errors.New("heartbeat answered with " + reply.Status.String())
		}
	}
	return errors.New("the coordinator forgets the group again and again")
}

// sendBeat makes the request and takes in what an OK says.
func (m *membership) sendBeat(ctx context.Context) (reply steps.Beaten, err error) {
	m.mu.Lock()
	request := steps.Beat{Caller: m.calling(), Weight: m.member.Weight, Address: m.member.Address,
		Settings: m.config.Settings.String(), Epoch: m.view.Epoch,
		TTL: m.config.TTL, Settle: m.config.Settle, SettleMost: m.config.SettleMost}
	m.mu.Unlock()
	sent := time.Now()
	err = m.call(ctx, "beat", func(ctx context.Context) error {
		reply, err = m.store.Beat(ctx, request)
		return err
	})
	answered := time.Now()
	m.metrics.beat(answered.Sub(sent), err)
	if err == nil && reply.Status == steps.Late {
		m.setClock(sent, answered, reply.Now)
	}
	if err != nil || reply.Status != steps.OK {
		return reply, err
	}
	var ring *partition.Ring
	if reply.View != nil || m.Ring() == nil {
		view := partition.View{Epoch: reply.Epoch}
		if reply.View != nil {
			view = *reply.View
		}
		if ring, err = m.builder.Ring(view); err != nil {
			return reply, err // the last good ring stays
		}
	}
	m.accept(reply, ring, sent, answered)
	return reply, nil
}

// readClock takes in that the coordinator's clock was set. A heartbeat that is late changes
// nothing there and is answered with the time.
func (m *membership) readClock(ctx context.Context) error {
	late := steps.Beat{Caller: steps.Caller{ID: m.member.ID, Until: 1}}
	sent := time.Now()
	var reply steps.Beaten
	err := m.call(ctx, "beat", func(ctx context.Context) (err error) {
		reply, err = m.store.Beat(ctx, late)
		return err
	})
	if err == nil {
		m.setClock(sent, time.Now(), reply.Now)
	}
	return err
}

func (m *membership) setClock(sent, answered time.Time, millis int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock.set(sent, answered, millis)
	m.lease.renewal++ // by the new clock it may have been over
}

// accept takes in a heartbeat that was answered well. ring is nil if the view is known.
func (m *membership) accept(reply steps.Beaten, ring *partition.Ring, sent, answered time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caller.Incarnation = reply.Incarnation
	if m.caller.Era == 0 {
		m.caller.Era = reply.Era
	}
	m.clock.read(sent, answered, reply.Now)
	m.lease.renew(sent, answered, m.config.TTL)
	m.state.Beat, m.grace, m.free = answered, reply.Grace, false
	was := m.state
	if ring != nil {
		m.view, m.ring = ring.View(), ring
		m.metrics.view(m.view, m.clock.now(answered))
		m.announce()
		if !was.Since.IsZero() {
			m.log.Info("view has changed", "epoch", m.view.Epoch, "members", len(m.view.Members))
		}
	}
	if m.ended() != nil {
		return
	}
	mode, reason := partition.Linked, ""
	if !reply.InView {
		mode, reason = partition.Joining, "the join waits for others"
		m.dropped()
	}
	m.set(mode, reason)
	m.metrics.skew(m.clock.now(answered).Sub(answered))
	if was.Mode == partition.Away || was.Mode == partition.Fenced {
		m.log.Info("coordinator is back", "after", answered.Sub(was.Since).Round(time.Millisecond), "mode", mode.String())
	}
}

// newEra notes the era of the group and reports whether it is another one than before. Then
// the journals are news to the coordinator.
func (m *membership) newEra(era int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := m.caller.Era != era
	m.caller.Era, m.doubted = era, false
	if changed {
		m.doubtAll() // before anybody asks in the new era
	}
	return changed
}

// restore tells the coordinator what the group was.
func (m *membership) restore(ctx context.Context) error {
	m.mu.Lock()
	request := steps.Restore{Caller: m.caller, Settings: m.config.Settings.String(), View: m.view, TTL: m.config.TTL}
	m.mu.Unlock()
	return m.call(ctx, "restore", func(ctx context.Context) error { return m.store.Restore(ctx, request) })
}
