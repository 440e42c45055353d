package partition

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/buraksezer/consistent"
	"github.com/cespare/xxhash/v2"
)

// Ring says which member owns which partition in one view. It never changes, so any
// number of goroutines may use it.
type Ring struct {
	view       View
	settings   Settings
	partitions uint64   // for the lookup
	active     []Member // who may own something, sorted by ID
	owners     []uint16 // by partition: index into active; empty when nobody is active
}

// NewRing divides the partitions among the members of v with a weight above zero. It is
// not an error if there are none: then no partition has an owner. Its cost grows with the
// square of the members: some milliseconds for 10, 0.6 s for 300 at the default settings.
func NewRing(v View, s Settings) (*Ring, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	v, err := NewView(v.Epoch, v.Members...) // a view may have been put together by hand
	if err != nil {
		return nil, err
	}
	active := slices.DeleteFunc(slices.Clone(v.Members), func(m Member) bool { return m.Weight == 0 })
	if len(active) > math.MaxUint16 {
		return nil, fmt.Errorf("building ring: %d members, want at most %d", len(active), math.MaxUint16)
	}
	owners, err := ownerTable(active, s)
	if err != nil {
		return nil, fmt.Errorf("building ring of epoch %d for %d members: %w", v.Epoch, len(active), err)
	}
	return &Ring{view: v, settings: s, partitions: uint64(s.Partitions), active: active, owners: owners}, nil
}

// View is the one the ring was made for, with its members sorted.
func (r *Ring) View() View { return r.view }

// Settings are those the ring was made with.
func (r *Ring) Settings() Settings { return r.settings }

// Partition is the one that key falls into, 0 to Settings.Partitions-1. It depends on the
// key and the number of partitions only, not on the members.
func (r *Ring) Partition(key string) int {
	return int(xxhash.Sum64String(key) % r.partitions)
}

// Owner is the member that should work on a partition; false if there is no such
// partition or no member that may own one.
func (r *Ring) Owner(partition int) (Member, bool) {
	if uint(partition) >= uint(len(r.owners)) {
		return Member{}, false
	}
	return r.active[r.owners[partition]], true
}

// Owned yields the partitions of a member in rising order; none for a member that is not
// in the view or drains.
func (r *Ring) Owned(id string) iter.Seq[int] {
	return func(yield func(int) bool) {
		me, ok := slices.BinarySearchFunc(r.active, id, func(m Member, id string) int { return strings.Compare(m.ID, id) })
		if !ok {
			return
		}
		for p, owner := range r.owners {
			if int(owner) == me && !yield(p) {
				return
			}
		}
	}
}

// Slot is the moment of a partition in a cycle, as a fraction of the interval: in
// [0, splay), the same in every cycle, worker and run, and spread evenly over the
// partitions. splay is the used part of the interval, 0 to 1.
func (r *Ring) Slot(partition int, splay float64) float64 {
	// Not the hash that places the partition on the ring: neighbours there have the same
	// owner, which would have to do all of its work at once.
	b := [12]byte{'s', 'l', 'o', 't'}
	binary.LittleEndian.PutUint64(b[4:], uint64(partition))
	const unit = 1 << 53 // what a float64 resolves
	phase := float64(xxhash.Sum64(b[:])>>11) / unit
	return phase * min(max(splay, 0), 1)
}

// Digest is equal, 16 hexadecimal digits, for rings with the same owner of each partition.
func (r *Ring) Digest() string {
	d := xxhash.New()
	for _, owner := range r.owners {
		_, _ = d.WriteString(r.active[owner].ID + "\n") // never fails
	}
	return fmt.Sprintf("%016x", d.Sum64())
}

// ownerTable asks the library once and drops it: its lookup takes a lock, and a ring that
// is changed in place would show two tables to one cycle.
func ownerTable(active []Member, s Settings) (owners []uint16, err error) {
	if len(active) == 0 {
		return nil, nil
	}
	// The inputs are checked, so no panic is known to be left; one that is must not stop
	// a worker that still has its last good ring.
	defer func() {
		if r := recover(); r != nil {
			owners, err = nil, fmt.Errorf("distributing partitions: %v", r)
		}
	}()
	nodes := make([]consistent.Member, len(active))
	for i, m := range active {
		nodes[i] = node{id: m.ID, index: uint16(i)}
	}
	table := consistent.New(nodes, consistent.Config{
		Hasher:            hasher{},
		PartitionCount:    s.Partitions,
		ReplicationFactor: s.ReplicationFactor,
		Load:              s.Load,
	})
	owners = make([]uint16, s.Partitions)
	for p := range owners {
		owner, ok := table.GetPartitionOwner(p).(node)
		if !ok {
			return nil, fmt.Errorf("distributing partitions: partition %d has no owner", p)
		}
		owners[p] = owner.index
	}
	return owners, nil
}

type node struct {
	id    string
	index uint16 // into the active members
}

func (n node) String() string { return n.id }

type hasher struct{}

func (hasher) Sum64(b []byte) uint64 { return xxhash.Sum64(b) }
