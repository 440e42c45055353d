package publish

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ringmeter/ringmeter/metering"
)

const (
	maxExposed    = 1_000_000 // series; more are left out and counted
	shortestShown = 30 * time.Second
	longestPoll   = 7 * 24 * time.Hour // what is believed of a spacing
	usualInterval = 10 * time.Minute   // when nothing says how often is polled
	sweepEvery    = time.Minute        // of expired series when nobody scrapes
)

// ExpositionOptions say how meters become series.
type ExpositionOptions struct {
	Prefix   string        // put before every name
	Expire   time.Duration // after which a series without samples goes; 0: learned from its polls
	Interval time.Duration // longest interval of a source, what is learned begins with it; 0: 10 minutes
}

// Exposition shows the newest sample of every meter and resource as a Prometheus series: a
// gauge as a gauge, a cumulative meter as a counter, a delta as a counter of their sum.
// Names are prefix and meter with "_" for what Prometheus does not allow; labels are
// project_id, resource_id and user_id, empty for null.
//
// A series stays for two and a half times the spacing of its polls, so one missed poll
// makes no hole, and goes when its resource is gone. What would make the page inconsistent
// is left out and counted in ringmeter_exposition_dropped_total.
//
// It is a collector that describes nothing, which a registry cannot unregister: Close it
// instead. Register one per registry, for two would show the same series twice.
type Exposition struct {
	options ExpositionOptions
	limit   int
	started time.Time
	label   *string // "resource_id", of every resource

	mu        sync.Mutex
	closed    bool
	families  map[string]*meterFamily // by meter
	claims    map[string]bool         // every name that a family has or may have on a page
	projects  labelPool
	users     labelPool
	resources map[resourceKey]*shownResource
	shown     int           // series
	made      uint64        // families so far
	swept     time.Duration // since started
	dropped   [dropReasons]uint64
}

// dropReason says why a sample is not shown.
type dropReason uint8

const (
	dropNone      dropReason = iota
	dropLate                 // older than the one shown
	dropLimit                // too many series
	dropName                 // another meter, or the daemon itself, has the name
	dropRepeat               // this delta has been added
	dropTimestamp            // not a time
	dropType                 // not the type that the meter has
	dropUnit                 // not the unit that the meter has
	dropValue                // null, or nothing that a counter can count
	dropReasons
)

func (r dropReason) String() string {
	return [dropReasons]string{"", "late", "limit", "name", "repeat", "timestamp", "type", "unit", "value"}[r]
}

// NewExposition makes an Exposition; registering it is the caller's.
func NewExposition(o ExpositionOptions) *Exposition {
	o.Interval = cmp.Or(o.Interval, usualInterval)
	e := &Exposition{options: o, limit: maxExposed, started: time.Now(), label: new("resource_id")}
	e.clear()
	return e
}

func (e *Exposition) clear() {
	e.families, e.claims = map[string]*meterFamily{}, map[string]bool{}
	e.projects = labelPool{"project_id", map[string]*sharedLabel{}}
	e.users = labelPool{"user_id", map[string]*sharedLabel{}}
	e.resources, e.shown = map[resourceKey]*shownResource{}, 0
}

// SetInterval takes note of a new longest interval of a source. When it has grown, the
// next poll of a series may be that far away, whatever has been learned of its spacing.
func (e *Exposition) SetInterval(d time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.options.Interval
	e.options.Interval = cmp.Or(d, usualInterval)
	if e.options.Interval <= before {
		return
	}
	now := time.Since(e.started)
	for _, r := range e.resources {
		for i := range r.series {
			if s := &r.series[i]; now < s.expires {
				s.spacing = 0
				s.expires = max(s.expires, now+e.stay(0))
			}
		}
	}
}

// Close takes all series off the page and frees them; later samples are refused.
func (e *Exposition) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	e.clear()
	return nil
}

// Publish implements pipeline.Publisher. What cannot be shown is counted and no error.
func (e *Exposition) Publish(_ context.Context, batch []metering.Sample) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	now := time.Since(e.started)
	if now-e.swept >= sweepEvery {
		e.sweep(now)
	}
	var ( // the samples of one poll have one timestamp, which is parsed once
		stamp string
		at    int64
		known bool
	)
	for i := range batch {
		s := &batch[i]
		if !known || s.Timestamp != stamp {
			t, err := s.Time()
			if known = err == nil; !known {
				e.dropped[dropTimestamp]++
				continue
			}
			stamp, at = s.Timestamp, t.UnixMicro()
		}
		if reason := e.take(s, at, now); reason != dropNone {
			e.dropped[reason]++
		}
	}
	return nil
}

// take shows one sample.
func (e *Exposition) take(s *metering.Sample, at int64, now time.Duration) dropReason {
	value := s.Volume.Float64()
	if s.Volume.IsNull() || s.Type != metering.Gauge && (!(value >= 0) || math.IsInf(value, 1)) {
		return dropValue
	}
	f := e.families[s.Name]
	if f != nil && f.kind != s.Type {
		return dropType
	}
	if f != nil && f.unit != s.Unit {
		return dropUnit
	}
	r, i := e.find(s, f)
	if r == nil || i < 0 {
		if e.shown >= e.limit {
			return dropLimit
		}
		if f == nil {
			var reason dropReason
			if f, reason = e.newFamily(s); f == nil {
				return reason
			}
		}
		r, i = e.add(s, f, r)
	}
	return e.update(&r.series[i], s.ID, value, at, now)
}

// find is where the series of a sample is: nil or -1 when it is not shown.
func (e *Exposition) find(s *metering.Sample, f *meterFamily) (*shownResource, int) {
	project, user := e.projects.labels[valid(s.ProjectID.String())], e.users.labels[valid(s.UserID.String())]
	if project == nil || user == nil {
		return nil, -1
	}
	r := e.resources[resourceKey{project, user, valid(s.ResourceID)}]
	if r == nil || f == nil {
		return r, -1
	}
	if i, found := r.search(f); found {
		return r, i
	}
	return r, -1
}

// add makes a series, and its resource when r is nil. Strings are copied: those of a
// sample may be parts of a whole message.
func (e *Exposition) add(s *metering.Sample, f *meterFamily, r *shownResource) (*shownResource, int) {
	if r == nil {
		r = &shownResource{key: resourceKey{
			project:  e.projects.hold(s.ProjectID.String()),
			user:     e.users.hold(s.UserID.String()),
			resource: strings.Clone(valid(s.ResourceID)),
		}}
		r.own.Name, r.own.Value = e.label, &r.key.resource
		r.labels = [3]*dto.LabelPair{&r.key.project.pair, &r.own, &r.key.user.pair} // by name
		e.resources[r.key] = r
	}
	i, _ := r.search(f)
	one := shownSeries{id: f.id, family: f}
	if f.kind == metering.Delta {
		one.added = &recentIDs{}
	}
	r.series = slices.Insert(r.series, i, one)
	f.series++
	e.shown++
	return r, i
}

// update makes a sample the newest of its series, or adds a delta to it.
func (e *Exposition) update(s *shownSeries, id string, value float64, at int64, now time.Duration) dropReason {
	if now >= s.expires { // new, or gone and back before anybody looked
		if s.added != nil {
			*s.added = recentIDs{}
		}
		s.value, s.at, s.spacing = 0, at, 0
	}
	switch {
	case s.added != nil:
		if !s.added.add(id) {
			return dropRepeat
		}
		value += s.value
	case at < s.at:
		return dropLate
	}
	s.value = value
	if at < s.at {
		return dropNone // a delta that is late counts, and says nothing of the present
	}
	if gap := at - s.at; gap > 0 {
		s.learn(gap, e.stay(s.spacing), e.options.Interval)
	}
	s.at = at
	s.expires = now + e.stay(s.spacing)
	return dropNone
}

// stay is how long a series remains after its newest sample.
func (e *Exposition) stay(spacing time.Duration) time.Duration {
	if e.options.Expire > 0 {
		return e.options.Expire
	}
	return max(shortestShown, cmp.Or(spacing, e.options.Interval)*5/2)
}

// sweep forgets what has expired.
func (e *Exposition) sweep(now time.Duration) {
	e.swept = now
	before := e.shown
	for key, r := range e.resources {
		r.series = slices.DeleteFunc(r.series, func(s shownSeries) bool {
			if now < s.expires {
				return false
			}
			s.family.series--
			e.shown--
			return true
		})
		if len(r.series) == 0 {
			delete(e.resources, key)
			e.projects.release(key.project)
			e.users.release(key.user)
		}
	}
	if e.shown == before {
		return
	}
	for meter, f := range e.families {
		if f.series == 0 {
			delete(e.families, meter)
			for _, c := range f.claims {
				delete(e.claims, c)
			}
		}
	}
}

// Describe sends nothing: which meters there are is known only when they come.
func (e *Exposition) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (e *Exposition) Collect(ch chan<- prometheus.Metric) {
	points, dropped, closed := e.points()
	if closed {
		return
	}
	for i := range points {
		ch <- &points[i]
	}
	ch <- prometheus.MustNewConstMetric(prometheus.NewDesc("ringmeter_exposition_series",
		"Meters of resources shown on this page.", nil, nil), prometheus.GaugeValue, float64(len(points)))
	desc := prometheus.NewDesc("ringmeter_exposition_dropped_total",
		"Samples not shown on this page, by reason.", []string{"reason"}, nil)
	for reason := dropNone + 1; reason < dropReasons; reason++ {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(dropped[reason]), reason.String())
	}
}

// points is a copy of what is shown, so that a slow scrape holds nobody up.
func (e *Exposition) points() (points []exposedPoint, dropped [dropReasons]uint64, closed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.sweep(time.Since(e.started))
	points = make([]exposedPoint, 0, e.shown)
	for _, r := range e.resources {
		for i := range r.series {
			points = append(points, exposedPoint{r.series[i].family, r.labels[:], r.series[i].value})
		}
	}
	return points, e.dropped, e.closed
}
