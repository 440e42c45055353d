package publish

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/ringmeter/ringmeter/metering"
)

// meterFamily is what all series of one meter share; it lives while one is shown.
type meterFamily struct {
	id     uint64 // grows, so that a resource's series are in order as they come
	kind   metering.Type
	unit   string
	claims []string
	desc   *prometheus.Desc
	series int
}

// sharedLabel is a label that many resources have.
type sharedLabel struct {
	value string
	pair  dto.LabelPair
	users int
}

type labelPool struct {
	name   string
	labels map[string]*sharedLabel
}

type resourceKey struct {
	project, user *sharedLabel
	resource      string
}

// shownResource is one set of labels and its series, ordered by family id.
type shownResource struct {
	key    resourceKey
	own    dto.LabelPair
	labels [3]*dto.LabelPair
	series []shownSeries
}

type shownSeries struct {
	id      uint64 // of the family, here because every sample is looked up by it
	family  *meterFamily
	value   float64
	at      int64         // timestamp of the newest sample, µs
	expires time.Duration // since Exposition.started
	spacing time.Duration // between polls; 0 until the second one
	added   *recentIDs    // nil but for deltas
}

// recentIDs remembers hashes of the deltas added last: more than a retry brings again.
type recentIDs struct {
	hashes [16]uint64
	next   uint8
}

// search is where the series of f is or belongs.
func (r *shownResource) search(f *meterFamily) (int, bool) {
	low, high := 0, len(r.series)
	for low < high {
		if mid := (low + high) / 2; r.series[mid].id < f.id {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, low < len(r.series) && r.series[low].id == f.id
}

// learn takes note of the spacing of two polls, in µs. It forgets a longer one slowly,
// usual to begin with, for a start, a reload or a rescue makes single ones short; and it
// believes none longer than a series stays, for that is an outage or a wrong clock.
func (s *shownSeries) learn(gap int64, stay, usual time.Duration) {
	d := min(stay, longestPoll)
	if gap < d.Microseconds() {
		d = time.Duration(gap) * time.Microsecond
	}
	before := cmp.Or(s.spacing, usual)
	s.spacing = max(d, before-before/4)
}

// add reports whether id is new; without an id nobody can tell.
func (r *recentIDs) add(id string) bool {
	if id == "" {
		return true
	}
	h := max(xxhash.Sum64String(id), 1) // 0 is an empty place
	if slices.Contains(r.hashes[:], h) {
		return false
	}
	r.hashes[r.next] = h
	r.next = (r.next + 1) % uint8(len(r.hashes))
	return true
}

// newFamily claims the names of a meter, or says why it cannot have them.
func (e *Exposition) newFamily(s *metering.Sample) (*meterFamily, dropReason) {
	f := &meterFamily{kind: s.Type, unit: strings.Clone(s.Unit)}
	name := promName(e.options.Prefix + s.Name)
	switch s.Type {
	case metering.Gauge:
		f.claims = []string{name}
	case metering.Cumulative, metering.Delta:
		// OpenMetrics calls the family by its name without the suffix, so that must be
		// nobody else's either.
		base, _ := strings.CutSuffix(name, "_total")
		if base == "" {
			base = name
		}
		name = base + "_total"
		f.claims = []string{name, base, base + "_created"}
	default:
		return nil, dropType
	}
	if s.Name == "" || ownName(name) || slices.ContainsFunc(f.claims, func(c string) bool { return e.claims[c] }) {
		return nil, dropName
	}
	help := valid(s.Name)
	if s.Unit != "" {
		help += " in " + valid(s.Unit)
	}
	f.desc = prometheus.NewDesc(name, help, []string{"project_id", "resource_id", "user_id"}, nil)
	for _, c := range f.claims {
		e.claims[c] = true
	}
	e.made++
	f.id = e.made
	e.families[strings.Clone(s.Name)] = f
	return f, dropNone
}

// ownName reports whether the daemon's own metrics are called so.
func ownName(name string) bool {
	for _, prefix := range [...]string{"ringmeter_", "go_", "process_", "promhttp_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// valid is s as a label can hold it.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

func (p *labelPool) hold(value string) *sharedLabel {
	value = valid(value)
	l := p.labels[value]
	if l == nil {
		l = &sharedLabel{value: strings.Clone(value)}
		l.pair.Name, l.pair.Value = &p.name, &l.value
		p.labels[l.value] = l
	}
	l.users++
	return l
}

func (p *labelPool) release(l *sharedLabel) {
	if l.users--; l.users == 0 {
		delete(p.labels, l.value)
	}
}

// exposedPoint is a series at the moment of a scrape. It refers to what never changes.
type exposedPoint struct {
	family *meterFamily
	labels []*dto.LabelPair
	value  float64
}

// Desc implements prometheus.Metric.
func (p *exposedPoint) Desc() *prometheus.Desc { return p.family.desc }

// Write implements prometheus.Metric.
func (p *exposedPoint) Write(out *dto.Metric) error {
	out.Label = p.labels
	if p.family.kind == metering.Gauge {
		out.Gauge = &dto.Gauge{Value: &p.value}
	} else {
		out.Counter = &dto.Counter{Value: &p.value}
	}
	return nil
}
