package pipeline

import (
	"fmt"
	"maps"
	"strings"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/metering"
)

// Config is a pipeline.yaml: every pair of a source and one of its sinks is a pipeline.
type Config struct {
	Sources []SourceConfig
	Sinks   []SinkConfig
}

// SourceConfig selects samples for sinks.
type SourceConfig struct {
	Name   string // unique among sources
	Meters *metering.Filter
	Sinks  []string // names of sinks that exist, each once
}

// SinkConfig says where samples go.
type SinkConfig struct {
	Name       string // unique among sinks
	Publishers []PublisherRef
}

// PublisherRef is one publisher of a sink. It prints without passwords.
type PublisherRef struct {
	URL string            // always with "://"
	At  config.Diagnostic // where it stands; no problem
}

// String is the URL as it may be shown.
func (p PublisherRef) String() string { return config.RedactURL(p.URL) }

// ReadConfig reads a pipeline.yaml, be it one that polls as well or not. Sinks with
// transformers are refused: none are run here, and leaving them out would publish other
// numbers than asked for. The error is a config.Diagnostics of everything that is wrong;
// beside it cfg, unless nil, holds what could be read, so that it can be checked further.
func ReadConfig(file string, data []byte) (cfg *Config, warnings []config.Diagnostic, err error) {
	doc, err := config.ParseYAML(file, data)
	if err != nil {
		return nil, nil, err
	}
	root, ok := doc.Root().Map()
	if ok && (!root.Get("sources").Given() || !root.Get("sinks").Given()) {
		root.Fail("Both sources & sinks are required", `write "sources:" and "sinks:" and list them below`)
	}
	root.Known("sources", "sinks")
	r := configReader{
		anySinks: root.Get("sinks").Given(), sinks: map[string]config.Node{}, sources: map[string]config.Node{},
		used: map[string]bool{}, pipelines: map[string]int{},
	}
	for _, m := range entries(root.Get("sinks")) {
		r.readSink(m)
	}
	for _, m := range entries(root.Get("sources")) {
		r.readSource(m)
	}
	if err := doc.Err(); err != nil {
		return &r.out, doc.Warnings(), err
	}
	for _, sink := range r.out.Sinks {
		if !r.used[sink.Name] {
			r.sinks[sink.Name].Warn(fmt.Sprintf("no source names sink %q, so nothing reaches it", sink.Name), "name it in a source, or remove it")
		}
	}
	return &r.out, doc.Warnings(), nil
}

type configReader struct {
	out       Config
	anySinks  bool                   // false: that fault is known
	sinks     map[string]config.Node // names and where they stand
	sources   map[string]config.Node
	used      map[string]bool // sinks that a source names
	pipelines map[string]int  // lines of "source:sink"
}

func entries(n config.Node) []config.Map {
	if !n.Given() {
		return nil
	}
	var list []config.Map
	for _, item := range n.List() {
		if m, ok := item.Map(); ok {
			list = append(list, m)
		}
	}
	return list
}

// readName reads the name of a source or sink and refuses one that is taken.
func readName(m *config.Map, what string, taken map[string]config.Node) string {
	n, ok := m.Require("name", fmt.Sprintf("give it a name that no other %s has", what))
	if !ok {
		return ""
	}
	name, ok := n.Text()
	if !ok {
		return ""
	}
	m.Node = m.Named(fmt.Sprintf("%s %q", what, name))
	if other, ok := taken[name]; ok {
		n.Fail(fmt.Sprintf("Duplicated %s name %q, first on line %d", what, name, other.At().Line),
			fmt.Sprintf("give each %s a name of its own", what))
		return name
	}
	taken[name] = n
	return name
}

func (r *configReader) readSink(m config.Map) {
	sink := SinkConfig{Name: readName(&m, "sink", r.sinks)}
	m.Known("name", "publishers", "transformers")
	if n := m.Get("transformers"); n.Given() && len(n.List()) > 0 {
		n.Fail(m.Name()+" has transformers, and none are run here: without them other numbers would be published than asked for",
			"remove them, and compute rates where the samples are stored")
	}
	publishers := m.Get("publishers")
	if !publishers.Given() {
		m.Fail("No publisher specified in "+m.Name(), "list one under publishers, such as notifier://")
		r.out.Sinks = append(r.out.Sinks, sink)
		return
	}
	lines := map[string]int{}
	items := publishers.List()
	for _, item := range items {
		text, ok := item.Text()
		if !ok {
			continue
		}
		if !strings.Contains(text, "://") {
			text += "://"
		}
		ref := PublisherRef{URL: text, At: item.At()}
		if line, ok := lines[text]; ok {
			item.Warn(fmt.Sprintf("publisher %v is already on line %d, so it gets every sample twice", ref, line), "remove one of them")
		}
		lines[text] = ref.At.Line
		sink.Publishers = append(sink.Publishers, ref)
	}
	if publishers.IsList() && len(items) == 0 {
		publishers.Fail("No publisher specified in "+m.Name(), "list one, such as notifier://")
	}
	r.out.Sinks = append(r.out.Sinks, sink)
}

func (r *configReader) readSource(m config.Map) {
	source := SourceConfig{Name: readName(&m, "source", r.sources)}
	m.Known("name", "meters", "counters", "sinks", "interval", "resources", "discovery", "splay",
		"group_id_coordination_expression")
	source.Meters = readMeters(m)
	sinks := m.Get("sinks")
	if !sinks.Given() {
		m.Fail("No sink defined in "+m.Name(), "name one under sinks")
	} else {
		items := sinks.List()
		if sinks.IsList() && len(items) == 0 {
			sinks.Fail("No sink defined in "+m.Name(), "name at least one")
		}
		for _, item := range items {
			if name, ok := item.Text(); ok && r.link(item, source.Name, name, m.Name()) {
				source.Sinks = append(source.Sinks, name)
			}
		}
	}
	r.out.Sources = append(r.out.Sources, source)
}

// link checks one pair of source and sink.
func (r *configReader) link(at config.Node, source, sink, what string) bool {
	if _, ok := r.sinks[sink]; !ok && r.anySinks {
		fix := "define it under sinks"
		if near := config.Suggest(sink, maps.Keys(r.sinks)); near != "" {
			fix = fmt.Sprintf("did you mean %s?", near)
		}
		at.Fail(fmt.Sprintf("Dangling sink %q in %s", sink, what), fix)
		return false
	}
	if source == "" || !r.anySinks {
		return false // faults that are known
	}
	r.used[sink] = true
	// The name of the pipeline is what its queues and metrics are called after.
	name := source + ":" + sink
	if source == sink {
		name = source
	}
	if line, ok := r.pipelines[name]; ok {
		at.Fail(fmt.Sprintf("Duplicate pipeline name %q, first on line %d: it is made of the names of source and sink", name, line),
			"name the sink once, or rename the source or the sink")
		return false
	}
	r.pipelines[name] = at.At().Line
	return true
}

// readMeters reads the filter of a source.
func readMeters(m config.Map) *metering.Filter {
	n := m.Get("meters")
	if old := m.Get("counters"); old.Given() && !n.Given() {
		old.Warn("counters is the old name of meters", "write meters")
		n = old
	}
	if !n.Given() {
		fix := metering.FilterFix(metering.ErrNoMeters)
		if m.Has("events") {
			fix = "this looks like event_pipeline.yaml: let pipeline_cfg_file name the pipeline of samples"
		}
		m.Fail(fmt.Sprintf("%v in %s", metering.ErrNoMeters, m.Name()), fix)
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
