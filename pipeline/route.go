package pipeline

import "github.com/ringmeter/ringmeter/metering"

// route drops what has no volume from w.all and says what each lane carries. A lane that
// takes everything shares w.all; only another one costs a copy. What it counts is shown
// later: a call of Handle that fails is not counted twice.
func (p *Pipeline) route(w *work) {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(w.counts)
	whole := make([]bool, len(p.lanes))
	for l := range whole {
		whole[l] = true
		w.copies[l] = w.copies[l][:0]
	}
	kept := 0
	for i := range w.all {
		s := &w.all[i]
		r := p.routes.of(s.Name)
		for len(w.counts) <= r.index {
			w.counts = append(w.counts, [outcomes]int{})
		}
		if s.Volume.IsNull() {
			w.counts[r.index][invalid]++
			p.warn(r, s)
			continue
		}
		w.counts[r.index][r.outcome]++
		if kept != i {
			w.all[kept] = *s
		}
		for l, matches := range r.to {
			switch {
			case matches && !whole[l]:
				w.copies[l] = append(w.copies[l], *s)
			case !matches && whole[l]:
				whole[l] = false
				w.copies[l] = append(w.copies[l], w.all[:kept]...)
			}
		}
		kept++
	}
	w.all = w.all[:kept]
	for l := range whole {
		w.lanes[l] = w.copies[l]
		if whole[l] {
			w.lanes[l] = w.all
		}
	}
}

// warn says once per meter that it comes without a volume.
func (p *Pipeline) warn(r *route, s *metering.Sample) {
	if r.warned {
		return
	}
	r.warned = true
	p.logger.Warn("samples without a volume are dropped", "meter", s.Name, "resource", s.ResourceID)
}
