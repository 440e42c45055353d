package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

// standing is this worker's place among others. It outlives reloads that do not change it.
type standing struct {
	coordination
	coordinator *worker.Coordinator
	groups      *pollster.Groups

	once sync.Once
	err  error // of leaving
}

// newStanding joins nothing yet.
func newStanding(c coordination, m *worker.Metrics, logger *slog.Logger) (*standing, error) {
	logger = logger.With("component", "coordination")
	backend, err := openBackend(c.url, logger)
	if err != nil {
		return nil, err
	}
	if c.url != "" && c.member.Address == "" && !strings.HasPrefix(c.url, "file:") {
		logger.Warn("other workers cannot ask this one whether it reaches the coordinator",
			"problem", "its web port is on loopback, has no fixed number or is off", "fix", "--web.listen-address :8977, or [ringmeter] advertise_url")
	}
	w := worker.Config{
		Settings: c.settings, Outage: c.outage, StopIsolated: c.stopIsolated,
		Ask: newPeers().ask, Logger: logger, Metrics: m,
	}
	if c.url == "" {
		w.Settle = -1 // there is nobody to wait for
	}
	coordinator, err := worker.New(backend, w)
	if err != nil {
		return nil, errors.Join(err, backend.Close())
	}
	groups := pollster.GroupsConfig{Coordinator: coordinator, Member: c.member, Logger: logger}
	if c.alone {
		groups.StandIn = local.New()
	}
	return &standing{coordination: c, coordinator: coordinator, groups: pollster.NewGroups(groups)}, nil
}

// leave leaves all groups within limit, so that others take over at once, and ends the
// connections. Only the first call does it.
func (s *standing) leave(ctx context.Context, limit time.Duration) error {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		s.err = errors.Join(s.groups.Leave(ctx), s.coordinator.Close())
	})
	return s.err
}
