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
}

// find is nil for a meter that the plugin does not list.
func (r *routes) find(meter string) *route {
	if found, ok := r.meters[meter]; ok {
		return found
	}
	return r.other
}

// newRoutes gives each meter to the first of the sources that takes it.
func newRoutes(p *Plugin, selections []selection, set []int, counters func(label string) *meterCounters) *routes {
	r := &routes{meters: make(map[string]*route, len(p.Meters))}
	for _, m := range p.Meters {
		to := &route{hash: xxhash.Sum64String(m.Name), counts: counters(m.Name)}
		for _, i := range set {
			if selections[i].takes(m.Name) {
				to.source, to.wanted = selections[i].source.Name, true
				break
			}
		}
		r.meters[m.Name] = to
	}
	if len(p.Meters) == 0 {
		r.other = &route{source: selections[set[0]].source.Name, wanted: true, counts: counters(p.Name)}
	}
	return r
}
