package pollster

import "github.com/cespare/xxhash/v2"

// route is where samples of one meter go.
type route struct {
	source string         // whose they are
	wanted bool           // by any source
	hash   uint64         // of the meter's name
	counts *meterCounters // under the meter's name, or the plugin's if it lists no meters
}

// routes decides by meter for the resources of one set of sources.
type routes struct {
	meters map[string]*route
	other  *route // for plugins that list no meters
	wanted bool   // any of them
}

// routing decides where a resource's samples go. Both are sets of sources.
type routing struct {
	set    int // those that hold it
	before int // those of them for which an earlier Scheduler has sampled it in this cycle
}

// find is nil for a meter that the plugin does not list.
func (r *routes) find(meter string) *route {
	if found, ok := r.meters[meter]; ok {
		return found
	}
	return r.other
}

// newRoutes gives each meter to the first of the sources that takes it. sampled reports
// which that source has already.
func newRoutes(p *Plugin, selections []selection, set []int, sampled func(source int, meter string) bool, counters func(label string) *meterCounters) *routes {
	r := &routes{meters: make(map[string]*route, len(p.Meters))}
	for _, m := range p.Meters {
		to := &route{hash: xxhash.Sum64String(m.Name), counts: counters(m.Name)}
		for _, i := range set {
			if selections[i].takes(m.Name) {
				to.source, to.wanted = selections[i].source.Name, !sampled(i, m.Name)
				break
			}
		}
		r.meters[m.Name] = to
		r.wanted = r.wanted || to.wanted
	}
	if len(p.Meters) == 0 {
		r.wanted = !sampled(set[0], "")
		r.other = &route{source: selections[set[0]].source.Name, wanted: r.wanted, counts: counters(p.Name)}
	}
	return r
}
