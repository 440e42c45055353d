package partition

import (
	"fmt"
	"math"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// algorithm names what besides the settings decides where a partition goes. Versions of
// the library place most partitions differently, so it belongs to what workers compare.
const algorithm = "hash=xxhash64 ring=buraksezer/consistent/v1.0.0"

// Limits of Settings. Owner tables hold 16-bit member numbers, and the ring is sorted once
// per place, so that more replicas than this only make views slow to take effect.
const (
	maxPartitions        = 1 << 16
	maxReplicationFactor = 1000
)

// largeRing is the most places, which is the sum of the weights, that a ring may have to
// use ReplicationFactor. It is not in the text that workers compare: who changes it must
// give the algorithm another name.
const largeRing = 300

// Settings shape the rings of a group, whatever its number of members. All its workers
// must use the same ones: with different settings they disagree about owners while each
// looks right by itself.
type Settings struct {
	Partitions             int     // into which keys are divided, 1 to 65536; a prime spreads best
	ReplicationFactor      int     // points on the ring for each unit of weight, 1 to 1000
	LargeReplicationFactor int     // the same where the weights add up to more than 300
	Load                   float64 // most that a unit of weight may own, as a multiple of the average; at least 1
}

// DefaultSettings suit groups of one to about a thousand members. The fewer replicas of
// large rings keep the building of one below half a second or so.
func DefaultSettings() Settings {
	return Settings{Partitions: 4093, ReplicationFactor: 100, LargeReplicationFactor: 20, Load: 1.25}
}

// String lists everything that decides an owner table besides the view, for people who
// must find out in what two workers differ.
func (s Settings) String() string {
	return fmt.Sprintf("partitions=%d replication=%d large-replication=%d load=%v %s",
		s.Partitions, s.ReplicationFactor, s.LargeReplicationFactor, s.Load, algorithm)
}

// Digest is equal, 16 hexadecimal digits, for workers that agree in everything String lists.
func (s Settings) Digest() string {
	return fmt.Sprintf("%016x", xxhash.Sum64String(s.String()))
}

// Partition is the one that key falls into, 0 to Partitions-1, in every ring with these
// settings, which must be valid.
func (s Settings) Partition(key string) int {
	return int(xxhash.Sum64String(key) % uint64(s.Partitions))
}

// Validate says what is wrong with the first setting that no ring can be built with.
func (s Settings) Validate() error {
	switch {
	case s.Partitions < 1 || s.Partitions > maxPartitions:
		return fmt.Errorf("checking ring settings: %d partitions, want 1 to %d", s.Partitions, maxPartitions)
	case s.ReplicationFactor < 1 || s.ReplicationFactor > maxReplicationFactor:
		return fmt.Errorf("checking ring settings: replication factor %d, want 1 to %d", s.ReplicationFactor, maxReplicationFactor)
	case s.LargeReplicationFactor < 1 || s.LargeReplicationFactor > maxReplicationFactor:
		return fmt.Errorf("checking ring settings: large replication factor %d, want 1 to %d", s.LargeReplicationFactor, maxReplicationFactor)
	case !(s.Load >= 1) || math.IsInf(s.Load, 0): // written so that NaN fails too
		return fmt.Errorf("checking ring settings: load %v, want a number of at least 1", s.Load)
	}
	return nil
}

// replication is the replication factor of a ring with so many places.
func (s Settings) replication(places int) int {
	if places > largeRing {
		return s.LargeReplicationFactor
	}
	return s.ReplicationFactor
}

// Difference names each setting in which two texts of Settings.String differ, with both
// values, for operators: "partitions is 4093 there and 1009 here". Texts that are not made
// of settings, or in which none differs, are quoted as they are.
func Difference(theirs, ours string) string {
	there, theirNames := words(theirs)
	here, ourNames := words(ours)
	var parts []string
	for _, name := range append(ourNames, theirNames...) {
		a, inTheirs := there[name]
		b, inOurs := here[name]
		if a == b {
			continue
		}
		if !inTheirs {
			a = "missing"
		}
		if !inOurs {
			b = "missing"
		}
		parts = append(parts, fmt.Sprintf("%s is %s there and %s here", name, a, b))
		delete(there, name) // a name of both texts comes by twice
		delete(here, name)
	}
	if there == nil || here == nil || len(parts) == 0 {
		return fmt.Sprintf("%q there and %q here", theirs, ours)
	}
	return strings.Join(parts, ", ")
}

// words takes apart a text of name=value words, and gives the names in their order too. It
// returns nil if the text is not made of such words alone, each name once.
func words(text string) (values map[string]string, names []string) {
	values = map[string]string{}
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		if _, twice := values[name]; twice || name == "" || value == "" || !printable(word) {
			return nil, nil
		}
		values[name] = value
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	return values, names
}
