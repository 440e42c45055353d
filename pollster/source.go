package pollster

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/metering"
)

const (
	// pipelineInterval is the interval, in seconds, of a source in pipeline.yaml that has none.
	pipelineInterval = 600
	// longestInterval is ten years, in seconds: what is longer is a mistake.
	longestInterval = 10 * 365 * 24 * 60 * 60
)

// Source is one entry under "sources": which meters are read, how often and of what.
type Source struct {
	Name      string // unique in its file
	Interval  time.Duration
	Meters    *metering.Filter
	Resources []discovery.Static // written down in the file
	Discovery []discovery.Ref    // instead of the pollsters' own
	Splay     float64            // fraction of the interval, 0..1; negative when not set
}

// ReadSources reads polling.yaml, or the sources of a pipeline.yaml that polls as well:
// one that has "sinks". In the latter an interval may be left out, which means 600
// seconds, and "counters" is the old name of "meters". The error is a config.Diagnostics
// of everything that is wrong.
func ReadSources(file string, data []byte) (sources []Source, warnings []config.Diagnostic, err error) {
	doc, err := config.ParseYAML(file, data)
	if err != nil {
		return nil, nil, err
	}
	root, ok := doc.Root().Map()
	if ok && !root.Get("sources").Given() {
		root.Fail("sources required", `write "sources:" and list them below it`)
	}
	root.Known("sources", "sinks")
	r := sourceReader{pipeline: root.Has("sinks"), lines: map[string]int{}}
	if list := root.Get("sources"); list.Given() {
		items := list.List()
		if len(items) == 0 && doc.Err() == nil {
			list.Warn("there are no sources, so nothing is polled", "list at least one")
		}
		for _, item := range items {
			if m, ok := item.Map(); ok {
				sources = append(sources, r.read(m))
			}
		}
	}
	if err := doc.Err(); err != nil {
		return nil, doc.Warnings(), err
	}
	return sources, doc.Warnings(), nil
}

type sourceReader struct {
	pipeline bool           // the file has sinks too
	lines    map[string]int // where a name was used
}

func (r *sourceReader) read(m config.Map) Source {
	s := Source{Splay: -1}
	if n, ok := m.Require("name", "give it a name that no other source has"); ok {
		if s.Name, ok = n.Text(); ok {
			m.Node = m.Named(fmt.Sprintf("source %q", s.Name))
			r.checkUnique(n, s.Name)
		}
	}
	m.Known("name", "interval", "meters", "counters", "resources", "discovery", "splay",
		"group_id_coordination_expression", "sinks", "publishers")
	s.Interval = r.readInterval(m)
	s.Meters = readMeters(m)
	for _, text := range texts(m.Get("resources")) {
		s.Resources = append(s.Resources, discovery.Static(text))
	}
	s.Discovery = readDiscovery(m.Get("discovery"))
	if n := m.Get("splay"); n.Given() {
		s.Splay = readSplay(n)
	}
	if n := m.Get("group_id_coordination_expression"); n.Given() {
		n.Warn("group_id_coordination_expression is not used: work is divided by resource", "remove it")
	}
	return s
}

// checkUnique refuses a second source of one name. Ceilometer polls such sources with
// the resources of either, as chance has it.
func (r *sourceReader) checkUnique(n config.Node, name string) {
	if line, taken := r.lines[name]; taken {
		n.Fail(fmt.Sprintf("the name %q is already that of the source on line %d", name, line),
			"give each source a name of its own")
		return
	}
	r.lines[name] = n.At().Line
}

func (r *sourceReader) readInterval(m config.Map) time.Duration {
	n := m.Get("interval")
	if !n.Given() {
		if r.pipeline {
			return pipelineInterval * time.Second
		}
		m.Fail(m.Name()+" has no interval", "add interval: 600, for example (seconds)")
		return 0
	}
	seconds, _ := n.Whole("seconds", 1, longestInterval)
	return time.Duration(seconds) * time.Second
}

// readMeters reads the filter of a source.
func readMeters(m config.Map) *metering.Filter {
	n := m.Get("meters")
	if old := m.Get("counters"); old.Given() {
		if n.Given() {
			old.Warn("counters is the old name of meters, and is ignored beside it", "remove it")
		} else {
			old.Warn("counters is the old name of meters", "write meters")
			n = old
		}
	}
	if !n.Given() {
		m.Fail(fmt.Sprintf("%v in %s", metering.ErrNoMeters, m.Name()), metering.FilterFix(metering.ErrNoMeters))
		return nil
	}
	patterns, ok := n.Texts()
	if !ok {
		return nil
	}
	filter, err := metering.NewFilter(patterns)
	if err != nil {
		n.Fail(fmt.Sprintf("%v in %s", err, m.Name()), metering.FilterFix(err))
	}
	return filter
}

func readDiscovery(n config.Node) []discovery.Ref {
	if !n.Given() {
		return nil
	}
	var refs []discovery.Ref
	for _, item := range n.List() {
		text, ok := item.Text()
		if !ok {
			continue
		}
		ref, err := discovery.ParseRef(text)
		if err != nil {
			item.Fail(err.Error(), "write name or name:parameter")
			continue
		}
		refs = append(refs, ref)
	}
	return refs
}

// texts is the items of a list that may be absent.
func texts(n config.Node) []string {
	if !n.Given() {
		return nil
	}
	list, _ := n.Texts()
	return list
}

// readSplay reads "70%" or 70 as 0.7.
func readSplay(n config.Node) float64 {
	text, ok := n.Text()
	if !ok {
		return -1
	}
	number, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || !(value >= 0 && value <= 100) {
		n.Fail(fmt.Sprintf("splay must be a percentage from 0 to 100, not %q", text), "write splay: 70%, for example")
		return -1
	}
	if !percent && value > 0 && value < 1 {
		n.Warn(fmt.Sprintf("splay %s is less than one percent", number), fmt.Sprintf("write splay: %g%% if that is a fraction", value*100))
	}
	return value / 100
}
