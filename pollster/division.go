package pollster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ringmeter/ringmeter/partition"
)

const (
	joinPatience = 5 * time.Second        // how long Run waits for the group before it starts without
	joinLimit    = 10 * time.Second       // for one attempt
	leaveLimit   = 500 * time.Millisecond // Run has a second in all
)

var errNotJoined = errors.New("the group has not been joined yet")

// division is this worker's share of what workers divide.
type division struct {
	coordinator partition.Coordinator // nil: nothing is divided
	member      partition.Member
	group       string
	log         *slog.Logger

	mu         sync.Mutex
	membership partition.Membership // nil until joined
	ring       *partition.Ring      // of the last view seen
	owned      []bool               // by partition, in ring
}

// groupName is that of all workers with the same namespaces and prefix, as in Ceilometer:
// sorted namespaces joined by "-", and the prefix after another "-".
func groupName(namespaces []string, prefix string) string {
	names := slices.Compact(slices.Sorted(slices.Values(namespaces)))
	if prefix != "" {
		names = append(names, prefix)
	}
	return strings.Join(names, "-")
}

func (d *division) join(ctx context.Context) error {
	if d.coordinator == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, joinLimit)
	defer cancel()
	m, err := d.coordinator.Join(ctx, d.group, d.member)
	if err != nil {
		return fmt.Errorf("joining group %q: %w", d.group, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.membership = m
	return nil
}

// keepJoining joins until it succeeds or ctx ends.
func (d *division) keepJoining(ctx context.Context) {
	pause := backoff.NewExponentialBackOff()
	pause.MaxInterval = 30 * time.Second
	failing := false
	for {
		err := d.join(ctx)
		if err == nil || ctx.Err() != nil {
			if failing && err == nil {
				d.log.Info("group joined", "member", d.member.ID)
			}
			return
		}
		if !failing {
			d.log.Warn("group cannot be joined; what is divided is not polled", "member", d.member.ID, "err", err)
		}
		failing = true
		if !sleep(ctx, pause.NextBackOff()) {
			return
		}
	}
}

func (d *division) leave(ctx context.Context) error {
	d.mu.Lock()
	m := d.membership
	d.membership = nil
	d.mu.Unlock()
	if m == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveLimit)
	defer cancel()
	if err := m.Leave(ctx); err != nil {
		return fmt.Errorf("leaving group %q: %w", d.group, err)
	}
	return nil
}

// share is what this worker owns in one cycle of one ledger.
type share struct {
	ledger partition.Ledger
	ring   *partition.Ring
	owned  []bool
}

// open opens cycle k of a ledger on the view that is pinned for it.
func (d *division) open(ctx context.Context, ledger string, k int64) (*share, error) {
	d.mu.Lock()
	m := d.membership
	d.mu.Unlock()
	if m == nil {
		return nil, errNotJoined
	}
	l, err := m.Cycle(ctx, ledger, k)
	if err != nil {
		return nil, fmt.Errorf("opening ledger: %w", err)
	}
	ring, owned, err := d.ringOf(l.View())
	if err != nil {
		return nil, err
	}
	return &share{l, ring, owned}, nil
}

// ringOf builds the ring of a view, or returns the last one if it is of the same members.
func (d *division) ringOf(v partition.View) (*partition.Ring, []bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ring != nil && slices.Equal(d.ring.View().Members, v.Members) {
		return d.ring, d.owned, nil
	}
	ring, err := partition.NewRing(v, partition.DefaultSettings(len(v.Members)))
	if err != nil {
		return nil, nil, err
	}
	owned := make([]bool, ring.Settings().Partitions)
	for p := range ring.Owned(d.member.ID) {
		owned[p] = true
	}
	d.ring, d.owned = ring, owned
	return ring, owned, nil
}

// sleep waits for d and reports whether ctx is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
