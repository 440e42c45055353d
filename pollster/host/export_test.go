package host

import (
	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/pollster"
)

// PluginsWith is Plugins on a machine whose kernel answers as a test wants it to.
func PluginsWith(c Config, statfs func(string, *unix.Statfs_t) error, addresses func() (map[int][]string, error)) []pollster.Plugin {
	m := c.machine()
	m.statfs, m.addresses = statfs, addresses
	return m.plugins()
}

// ParseAddresses is parseAddresses.
func ParseAddresses(dump []byte) (map[int][]string, error) { return parseAddresses(dump) }
