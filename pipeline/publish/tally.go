package publish

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/pipeline"
)

const (
	keptAside    = 8   // batches given up that the status page shows
	longestError = 500 // bytes of an error that are kept
)

// tally counts what happens to one publisher and logs when its state changes.
type tally struct {
	name      string // URL without secrets
	logger    *slog.Logger
	published prometheus.Counter
	failed    prometheus.Counter
	seconds   prometheus.Observer
	dropped   *prometheus.CounterVec // reason

	mu     sync.Mutex
	status pipeline.PublisherStatus
}

func newTally(name string, m *instruments, logger *slog.Logger) *tally {
	by := prometheus.Labels{"publisher": name}
	return &tally{
		name: name, logger: logger.With("publisher", name),
		published: m.published.With(by), failed: m.failed.With(by), seconds: m.seconds.With(by),
		dropped: m.dropped.MustCurryWith(by),
		status:  pipeline.PublisherStatus{URL: name, State: pipeline.StateOK},
	}
}

// delivered counts n items that arrived.
func (t *tally) delivered(n int) {
	t.published.Add(float64(n))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Published += uint64(n)
}

// attempt records one try.
func (t *tally) attempt(d time.Duration, err error) {
	t.seconds.Observe(d.Seconds())
	if err == nil {
		return
	}
	t.failed.Inc()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Failures++
	t.status.LastError, t.status.LastErrorAt = cut(err.Error(), longestError), time.Now()
}

// drop counts n items that were given up.
func (t *tally) drop(reason string, n int) {
	t.dropped.WithLabelValues(reason).Add(float64(n))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.Dropped += uint64(n)
}

// setAside is drop for a batch of which the status page shows why and the first item.
func (t *tally) setAside(reason string, n int, err error, first string) {
	t.drop(reason, n)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status.SetAside = append(t.status.SetAside, pipeline.SetAside{
		At: time.Now(), Samples: n, Reason: reason,
		Error: cut(err.Error(), longestError), First: cut(first, longestError),
	})
	if extra := len(t.status.SetAside) - keptAside; extra > 0 {
		t.status.SetAside = slices.Delete(t.status.SetAside, 0, extra)
	}
}

// enter changes the state, with one line in the log when it is another one.
func (t *tally) enter(s pipeline.State, err error) {
	t.mu.Lock()
	was := t.status.State
	t.status.State = s
	t.mu.Unlock()
	if was == s {
		return
	}
	switch s {
	case pipeline.StateOK:
		t.logger.Info("publisher works again")
	case pipeline.StateRetrying:
		t.logger.Warn("publisher fails; trying again", "err", err)
	case pipeline.StateFailing:
		t.logger.Error("publisher fails; samples are given up", "err", err)
	case pipeline.StateClosed:
		t.logger.Debug("publisher closed")
	}
}

// snapshot is the status without what a queue adds.
func (t *tally) snapshot() pipeline.PublisherStatus {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.status
	st.SetAside = slices.Clone(st.SetAside)
	return st
}

// cut shortens s to at most n bytes of valid text.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
