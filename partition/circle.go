package partition

import (
	"fmt"
	"strconv"

	"github.com/buraksezer/consistent"
	"github.com/cespare/xxhash/v2"
)

// place stands on the circle for one unit of a member's weight.
type place struct {
	name   string
	member uint16 // index into the active members of the table that is made next
}

func (p *place) String() string { return p.name }

// places are those of all members. The first of a member is named by its ID, so that a
// group without weights is not touched by them. IDs are printable: no name is there twice.
func places(active []Member) []*place {
	var ps []*place
	for i, m := range active {
		for n := range m.Weight {
			name := m.ID
			if n > 0 {
				name += "\x00" + strconv.Itoa(n)
			}
			ps = append(ps, &place{name, uint16(i)})
		}
	}
	return ps
}

// circle is the library's ring. It stays behind the tables that are copied from it: its
// lookup takes a lock, and who reads it while it changes sees two rings in one cycle.
type circle struct {
	settings Settings
	ring     *consistent.Consistent
	places   map[string]*place
}

// newCircle also gives the first table: for each partition the index of its owner.
func newCircle(ps []*place, s Settings) (c *circle, owners []uint16, err error) {
	defer recovered(&err)
	c = &circle{settings: s, places: make(map[string]*place, len(ps))}
	nodes := make([]consistent.Member, len(ps))
	for i, p := range ps {
		nodes[i], c.places[p.name] = p, p
	}
	c.ring = consistent.New(nodes, consistent.Config{
		Hasher:            hasher{},
		PartitionCount:    s.Partitions,
		ReplicationFactor: s.replication(len(ps)),
		Load:              s.Load,
	})
	owners, err = c.owners()
	return c, owners, err
}

// change replaces the places by ps and gives the new table. After an error the circle is of
// no more use.
func (c *circle) change(ps []*place) (owners []uint16, err error) {
	defer recovered(&err)
	var join []*place
	stay := make(map[string]bool, len(ps))
	for _, p := range ps {
		stay[p.name] = true
		if have, ok := c.places[p.name]; ok {
			have.member = p.member
		} else {
			join = append(join, p)
		}
	}
	for name := range c.places {
		if !stay[name] {
			c.ring.Remove(name)
			delete(c.places, name)
		}
	}
	for _, p := range join {
		c.ring.Add(p)
		c.places[p.name] = p
	}
	return c.owners()
}

// cheap says whether changing to ps costs less than a new circle. Each changed place sorts
// the circle and distributes the partitions once; a new circle is sorted once per place,
// half full on average, and distributes once. Distributing a partition costs about as much
// as sorting three points.
func (c *circle) cheap(ps []*place) bool {
	replication := c.settings.replication(len(ps))
	if replication != c.settings.replication(len(c.places)) {
		return false
	}
	stay := 0
	for _, p := range ps {
		if _, ok := c.places[p.name]; ok {
			stay++
		}
	}
	changes := len(ps) + len(c.places) - 2*stay
	points, distribute := len(ps)*replication, 3*c.settings.Partitions
	return changes*(points+distribute) < len(ps)*points/2+distribute
}

func (c *circle) owners() ([]uint16, error) {
	table := make([]uint16, c.settings.Partitions)
	for p := range table {
		owner, ok := c.ring.GetPartitionOwner(p).(*place)
		if !ok {
			return nil, fmt.Errorf("distributing partitions: partition %d has no owner", p)
		}
		table[p] = owner.member
	}
	return table, nil
}

// recovered makes an error of a panic of the library. The inputs are checked, so none is
// known to be left; one that is must not stop a worker that has its last good ring.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("distributing partitions: %v", r)
	}
}

type hasher struct{}

func (hasher) Sum64(b []byte) uint64 { return xxhash.Sum64(b) }
