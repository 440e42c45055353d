package pollster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/ringmeter/ringmeter/discovery"
)

// naming names the groups that share the work of a set of namespaces. Workers with the
// same namespaces and prefix meet.
type naming struct {
	pool   string
	groups map[string]string // of discoveries, by name
}

func newNaming(namespaces []string, prefix string, plugins []discovery.Plugin) naming {
	names := slices.Compact(slices.Sorted(slices.Values(namespaces)))
	if prefix != "" {
		names = append(names, prefix)
	}
	n := naming{pool: strings.Join(names, "-"), groups: map[string]string{}}
	for _, p := range plugins {
		if _, taken := n.groups[p.Name]; !taken {
			n.groups[p.Name] = p.Group
		}
	}
	return n
}

func (n naming) name(id string) string {
	if n.pool == "" {
		return id
	}
	return n.pool + "-" + id
}

// discovered is the group of the resources that a discovery lists.
func (n naming) discovered(discovery string) string {
	id := n.groups[discovery]
	if id == "" {
		id = "global"
	}
	return n.name(id)
}

// static is the group of a set of resources that are written down: who has the same set
// shares it.
func (n naming) static(resources []discovery.Static) string {
	set := slices.Compact(slices.Sorted(slices.Values(resources)))
	d := xxhash.New()
	for _, r := range set {
		_, _ = d.WriteString(string(r) + "\x00") // never fails
	}
	return n.name(fmt.Sprintf("static-%016x", d.Sum64()))
}
