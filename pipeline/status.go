package pipeline

import "time"

// State is how a publisher is doing.
type State string

// The states of a publisher.
const (
	StateOK       State = "ok"
	StateRetrying State = "retrying" // it fails, and what it failed is tried again
	StateFailing  State = "failing"  // it fails, and what it failed is given up
	StateClosed   State = "closed"
)

// Status is a Pipeline at one moment, as plain data for the status page.
type Status struct {
	Sinks []SinkStatus `json:"sinks"`
}

// SinkStatus is one sink: the sources that feed it and where it publishes to.
type SinkStatus struct {
	Name       string            `json:"name"`
	Sources    []string          `json:"sources"`
	Publishers []PublisherStatus `json:"publishers"`
}

// PublisherStatus is one publisher. Publishers that several sinks share appear in each.
type PublisherStatus struct {
	URL          string     `json:"url"` // without secrets
	State        State      `json:"state"`
	QueueEntries int        `json:"queue_entries"` // batches not yet delivered
	QueueBytes   int        `json:"queue_bytes"`
	QueueOldest  time.Time  `json:"queue_oldest,omitzero"` // when the oldest of them came
	Published    uint64     `json:"published"`             // samples
	Dropped      uint64     `json:"dropped"`               // samples, for whatever reason
	Failures     uint64     `json:"failures"`              // attempts
	LastError    string     `json:"last_error,omitempty"`
	LastErrorAt  time.Time  `json:"last_error_at,omitzero"`
	SetAside     []SetAside `json:"set_aside,omitempty"` // the last few batches, newest last
}

// SetAside is a batch that was given up.
type SetAside struct {
	At      time.Time `json:"at"`
	Samples int       `json:"samples"`
	Reason  string    `json:"reason"` // refused, attempts
	Error   string    `json:"error"`
	First   string    `json:"first"` // one of its samples, as JSON, cut to a bounded length
}

// Reporter is implemented by publishers that know more about themselves than their URL.
type Reporter interface {
	Status() PublisherStatus
}

// Status is what the sinks and their publishers are doing.
func (p *Pipeline) Status() Status {
	st := Status{Sinks: make([]SinkStatus, 0, len(p.sinks))}
	for _, k := range p.sinks {
		s := SinkStatus{Name: k.name, Sources: k.sources, Publishers: make([]PublisherStatus, 0, len(k.publishers))}
		for _, each := range k.publishers {
			ps := PublisherStatus{State: StateOK}
			if r, ok := each.to.(Reporter); ok {
				ps = r.Status()
			}
			ps.URL = each.url
			s.Publishers = append(s.Publishers, ps)
		}
		st.Sinks = append(st.Sinks, s)
	}
	return st
}
