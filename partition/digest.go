package partition

import (
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"
)

// algorithm names what besides the settings decides where a partition goes. Versions of
// the library place most partitions differently, so it belongs to what workers compare.
const algorithm = "hash=xxhash64 ring=buraksezer/consistent/v1.0.0"

// Limits of Settings. Owner tables hold 16-bit member numbers, and the ring is sorted once
// per member, so that more replicas than this only make views slow to take effect.
const (
	maxPartitions        = 1 << 16
	maxReplicationFactor = 1000
)

// Settings shape a ring. All workers of a group must use the same ones: with different
// settings they disagree about owners while each looks right by itself.
type Settings struct {
	Partitions        int     // into which keys are divided, 1 to 65536; a prime spreads best
	ReplicationFactor int     // places of each member on the ring, 1 to 1000
	Load              float64 // most that a member may own, as a multiple of the average; at least 1
}

// DefaultSettings are those for a group of about that many members. Above 300 members
// fewer replicas keep the building of a ring below half a second or so.
func DefaultSettings(members int) Settings {
	s := Settings{Partitions: 4093, ReplicationFactor: 100, Load: 1.25}
	if members > 300 {
		s.ReplicationFactor = 20
	}
	return s
}

// String lists everything that decides an owner table besides the view, for people who
// must find out in what two workers differ.
func (s Settings) String() string {
	return fmt.Sprintf("partitions=%d replication=%d load=%v %s", s.Partitions, s.ReplicationFactor, s.Load, algorithm)
}

// Digest is equal, 16 hexadecimal digits, for workers that agree in everything String lists.
func (s Settings) Digest() string {
	return fmt.Sprintf("%016x", xxhash.Sum64String(s.String()))
}

func (s Settings) validate() error {
	switch {
	case s.Partitions < 1 || s.Partitions > maxPartitions:
		return fmt.Errorf("checking ring settings: %d partitions, want 1 to %d", s.Partitions, maxPartitions)
	case s.ReplicationFactor < 1 || s.ReplicationFactor > maxReplicationFactor:
		return fmt.Errorf("checking ring settings: replication factor %d, want 1 to %d", s.ReplicationFactor, maxReplicationFactor)
	case !(s.Load >= 1) || math.IsInf(s.Load, 0): // written so that NaN fails too
		return fmt.Errorf("checking ring settings: load %v, want a number of at least 1", s.Load)
	}
	return nil
}
