// Package host lists the machine that the poller runs on.
//
// It promises exactly one resource, known by the configured host name, without looking at
// the machine: disks, interfaces and the like are found by the pollsters that read them.
package host

import (
	"context"

	"github.com/ringmeter/ringmeter/discovery"
)

// Node is the machine that the poller runs on.
type Node struct {
	Host string // [DEFAULT]host, which need not be what the kernel calls the machine
}

// ResourceKey is "node/<host name>".
func (n Node) ResourceKey() string { return "node/" + n.Host }

// Plugins is the table of this package's discoveries. hostName is [DEFAULT]host.
func Plugins(hostName string) []discovery.Plugin {
	return []discovery.Plugin{{
		Name:       "local_node",
		Namespaces: []string{"host"},
		Scope:      discovery.Local,
		New:        func() (discovery.Discoverer, error) { return localNode(hostName), nil },
	}}
}

type localNode string

// Discover yields the one Node; it takes no param and cannot fail.
func (name localNode) Discover(context.Context, string) ([]discovery.Resource, error) {
	return []discovery.Resource{Node{Host: string(name)}}, nil
}
