package pollster

import (
	"context"
	"errors"
	"time"
)

// tally is what a cycle came to.
type tally struct {
	resources, samples, lost, errs, polls int
	first                                 error
}

func (t *tally) fail(err error) {
	t.errs++
	if t.first == nil {
		t.first = err
	}
}

// account adds a poll of the resources of a set to the cycle. ctx is that of the poll.
func (c *cycle) account(ctx context.Context, set int, r result, w *writing, took time.Duration) {
	outcome := r.outcome(ctx)
	if w.fenced > 0 && outcome == "ok" {
		outcome = "fenced"
	}
	c.metrics.polls.WithLabelValues(c.plugin.Name, outcome).Inc()
	c.metrics.pollDuration.WithLabelValues(c.plugin.Name).Observe(took.Seconds())
	c.metrics.pollErrors.WithLabelValues(c.plugin.Name).Add(float64(r.errs))
	c.metrics.samples.WithLabelValues(c.plugin.Name, "invalid").Add(float64(r.invalid))
	switch outcome {
	case "stuck":
		if c.polling.bad("stuck") {
			c.log.Error("pollster ignores the end of its cycle and is abandoned until it returns", "cycle", c.number)
		}
		c.tally.fail(errors.New("the pollster did not return at the end of its cycle"))
	case "timeout":
		if c.polling.bad("timeout") {
			c.log.Warn("poll was cut off at the end of its cycle", "cycle", c.number, "after", took)
		}
		c.tally.fail(errors.New("the poll was cut off at the end of its cycle"))
	}
	if r.first != nil {
		if c.tally.errs += r.errs; c.tally.first == nil {
			c.tally.first = r.first
		}
	}
	c.tally.polls++
	c.tally.samples += w.written
	c.tally.lost += w.lost
	if len(r.permanent) > 0 {
		c.skip.add(c.sets.members[set], r.permanent)
		for _, i := range c.sets.members[set] {
			c.metrics.skipped.WithLabelValues(c.selections[i].source.Name, c.plugin.Name).Set(float64(c.skip.len(i)))
		}
	}
}

// pollFailed is called for each error of a poll, on the poll's goroutine.
func (j *job) pollFailed(err error, panicked bool) {
	if panicked {
		if j.polling.bad("panic") {
			j.log.Error("pollster panicked", "err", err)
		}
		return
	}
	if permanent, ok := errors.AsType[*PermanentError](err); ok {
		// These are not met again, so each is news.
		j.log.Warn("resources are not polled any more", "count", len(permanent.Resources), "err", permanent.Err)
		return
	}
	if j.polling.bad("error") {
		j.log.Warn("pollster reports errors", "err", err)
	}
}

// ledgerFailed notes a failed request to the coordinator.
func (c *cycle) ledgerFailed(request string, err error) {
	c.metrics.claimErrors.WithLabelValues(request).Inc()
	c.tally.fail(err)
	if c.planning.bad("ledger " + request) {
		c.log.Warn("request to the coordinator failed", "request", request, "cycle", c.number, "err", err)
	}
}

// hangs marks the job as stuck, or as free again.
func (j *job) hangs(on bool) {
	j.stuck.Store(on)
	by := 1.0
	if !on {
		by = -1
	}
	j.metrics.stuck.WithLabelValues(j.plugin.Name).Add(by)
}
