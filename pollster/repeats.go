package pollster

// repeats counts how often a hash has been seen. It costs 16 to 32 bytes per different hash
// and is several times faster than a map, which matters because it is asked about every sample.
type repeats struct {
	table []uint64 // open addressing, a power of two long, at most half full; 0 is free
	used  int
	again map[uint64]int // of those seen more than once, how often before
}

// next is 0 for a hash that is new, and one more each time it comes again.
func (r *repeats) next(hash uint64) int {
	if hash == 0 {
		hash = 1 // a collision like any other
	}
	if 2*r.used >= len(r.table) {
		r.grow()
	}
	if r.insert(hash) {
		r.used++
		return 0
	}
	if r.again == nil {
		r.again = map[uint64]int{}
	}
	r.again[hash]++
	return r.again[hash]
}

// insert reports whether hash was not there yet.
func (r *repeats) insert(hash uint64) bool {
	mask := uint64(len(r.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		switch r.table[i] {
		case hash:
			return false
		case 0:
			r.table[i] = hash
			return true
		}
	}
}

func (r *repeats) grow() {
	old := r.table
	r.table = make([]uint64, max(2*len(old), 64))
	for _, hash := range old {
		if hash != 0 {
			r.insert(hash)
		}
	}
}

// reset forgets everything, and gives memory back that only a flood has needed.
func (r *repeats) reset() {
	const most = 1 << 18 // entries, 2 MB
	if len(r.table) > most {
		r.table = nil
	}
	clear(r.table)
	clear(r.again)
	r.used = 0
}
