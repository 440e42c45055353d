package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringmeter/ringmeter/partition"
)

// consultAhead is how long before the end of what it may do a member that may go on prolongs
// it, so that it need not pause.
const consultAhead = 5 * time.Second

// withoutAnswer decides how to go on after a heartbeat that failed.
func (m *membership) withoutAnswer(ctx context.Context, err error) {
	m.mu.Lock()
	if m.ended() != nil {
		m.mu.Unlock()
		return
	}
	now := time.Now()
	reason := err.Error()
	_, mismatch := errors.AsType[*partition.MismatchError](err)
	if (m.state.Mode == partition.Linked || m.state.Mode == partition.Joining) && !mismatch {
		m.log.Warn("coordinator does not answer, going on with what this worker owns", "err", err)
		m.set(partition.Away, reason)
	}
	since := now.Sub(m.lease.sent)
	m.mu.Unlock()

	switch {
	case mismatch: // it answers; this worker has no place there
		m.goOn(false, true, reason)
	case m.config.Outage > 0 && since > m.config.Outage:
		m.goOn(false, true, fmt.Sprintf("the coordinator has been away for longer than %v: %v", m.config.Outage, err))
	default:
		may, why := m.consult(ctx)
		m.goOn(may, false, fmt.Sprintf("%s: %v", why, err))
	}
}

// goOn notes whether the member may work without the coordinator. What it was granted it
// may finish while its lease lasts, unless it has to end at once.
func (m *membership) goOn(may, atOnce bool, reason string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	mode, now := m.state.Mode, time.Now()
	if m.ended() != nil {
		return
	}
	left := m.lease.permit.Sub(now)
	if m.free = may; may {
		if left < min(consultAhead, m.config.TTL/3) {
			m.lease.permit = now.Add(m.config.TTL)
		}
		m.set(partition.Away, reason)
		if mode == partition.Fenced {
			m.log.Warn("going on without the coordinator", "reason", reason)
		}
		return
	}
	if !atOnce && now.Before(m.lease.until) {
		m.set(partition.Away, reason)
		return
	}
	if m.lease.permits(now) {
		m.lease.permit = now
	}
	m.set(partition.Fenced, reason)
	if mode != partition.Fenced {
		m.log.Error("stopping what is divided: others may have taken it over", "reason", reason)
	}
}

// consult finds out whether the coordinator is away for all, or this member is cut off.
func (m *membership) consult(ctx context.Context) (may bool, why string) {
	m.mu.Lock()
	view, lapsed := m.view, !m.lease.permits(time.Now())
	m.mu.Unlock()
	var addresses []string
	others := 0
	for _, other := range view.Members {
		if other.ID == m.member.ID {
			continue
		}
		others++
		if other.Address != "" {
			addresses = append(addresses, other.Address)
		}
	}
	if others == 0 {
		return true, "there is no other member"
	}
	var a Answers
	if m.config.Ask != nil && len(addresses) > 0 {
		limited, cancel := context.WithTimeout(ctx, m.config.Timeout)
		a = m.config.Ask(limited, m.group, addresses)
		cancel()
	}
	switch {
	case a.Linked > 0:
		return false, fmt.Sprintf("%d of %d other members reach the coordinator and this one does not", a.Linked, others)
	case lapsed && a.Epoch > view.Epoch: // it may have been swept, whether or not it is back
		return false, fmt.Sprintf("this member was silent and others have seen epoch %d, it has %d", a.Epoch, view.Epoch)
	case a.Answered > 0:
		return true, fmt.Sprintf("%d of %d other members do not reach the coordinator either", a.Answered, others)
	case m.config.StopIsolated:
		return false, fmt.Sprintf("none of %d other members answers", others)
	}
	return true, fmt.Sprintf("none of %d other members answers", others)
}
