package pollster

import (
	"maps"
	"slices"
	"sync"

	"github.com/ringmeter/ringmeter/discovery"
)

// skipList holds, per source, the keys of resources that one pollster will never be able to
// poll. It lives as long as the Scheduler.
type skipList struct {
	mu   sync.Mutex
	keys []map[string]struct{} // by source
}

func newSkipList(sources int) *skipList {
	s := &skipList{keys: make([]map[string]struct{}, sources)}
	for i := range s.keys {
		s.keys[i] = map[string]struct{}{}
	}
	return s
}

// add skips rs in the sources given by their positions.
func (s *skipList) add(sources []int, rs []discovery.Resource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range sources {
		for _, r := range rs {
			if key, err := keyOf(r); err == nil {
				s.keys[i][key] = struct{}{}
			}
		}
	}
}

func (s *skipList) has(source int, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, skipped := s.keys[source][key]
	return skipped
}

// len is the number of resources skipped in a source.
func (s *skipList) len(source int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.keys[source])
}

// some counts all skipped resources and names at most the first n of them.
func (s *skipList) some(n int) (count int, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]struct{}{}
	for _, each := range s.keys {
		maps.Copy(all, each)
	}
	keys = slices.Sorted(maps.Keys(all))
	return len(keys), keys[:min(n, len(keys))]
}
