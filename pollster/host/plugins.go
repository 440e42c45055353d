package host

import (
	"cmp"
	"context"
	"iter"

	"golang.org/x/sys/unix"

	hosts "github.com/ringmeter/ringmeter/discovery/host"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// Config says where the machine's state is found. Empty fields stand for the usual place.
// Interfaces are those of our own network namespace: a container needs its host's.
type Config struct {
	Proc string // the proc filesystem, "/proc"
	Sys  string // the sys filesystem, "/sys"

	// Root is where the machine's own root directory is seen, "/". With another one, as
	// in a container, filesystems are those of process 1 instead of our own.
	Root string
}

// Plugins is the table of this package's pollsters.
func Plugins(c Config) []pollster.Plugin { return c.machine().plugins() }

func (c Config) machine() machine {
	return machine{
		proc:      cmp.Or(c.Proc, "/proc"),
		sys:       cmp.Or(c.Sys, "/sys"),
		root:      cmp.Or(c.Root, "/"),
		statfs:    unix.Statfs,
		addresses: addresses,
	}
}

// machine is what the pollsters read.
type machine struct {
	proc, sys, root string

	statfs    func(path string, buf *unix.Statfs_t) error
	addresses func() (map[int][]string, error) // by interface index
}

func (m machine) plugins() []pollster.Plugin {
	return []pollster.Plugin{
		plugin("host.cpu", cpuMeters(), m.cpu),
		plugin("host.cpu.frequency", frequencyMeters(), m.frequency),
		plugin("host.load", loadMeters(), m.load),
		plugin("host.memory", memoryMeters(), m.memory),
		plugin("host.disk.size", filesystemMeters(), m.filesystems),
		plugin("host.disk.io", diskMeters(), m.disks),
		plugin("host.io", blockMeters(), m.blocks),
		plugin("host.network", interfaceMeters(), m.interfaces),
		plugin("host.network.ip", datagramMeters(), m.datagrams),
	}
}

// reader reads the machine once and yields what it has read, in host's name. It reports
// whether yield wants more.
type reader func(ctx context.Context, host string, yield yieldFunc) bool

type yieldFunc = func(metering.Sample, error) bool

func plugin(name string, meters []pollster.Meter, open func() (reader, error)) pollster.Plugin {
	return pollster.Plugin{
		Name:       name,
		Discovery:  "local_node",
		Namespaces: []string{"host"},
		Meters:     meters,
		New: func() (pollster.Pollster, error) {
			read, err := open()
			if err != nil {
				return nil, err
			}
			return pollster.Bind(func(ctx context.Context, nodes []hosts.Node) iter.Seq2[metering.Sample, error] {
				return func(yield func(metering.Sample, error) bool) {
					for _, n := range nodes {
						if !read(ctx, n.Host, yield) {
							return
						}
					}
				}
			}), nil
		},
	}
}
