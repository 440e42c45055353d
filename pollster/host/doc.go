// Package host meters the machine that the poller runs on, from /proc and /sys.
//
// It starts no process and talks to no daemon. There is one file and one plugin per thing
// that is read, so a file that cannot be read takes only its own meters away. What the
// machine does not have (a clock frequency, swap, an interface's speed) has no sample and
// is no error.
//
// The hardware.* meters are those that Ceilometer read over SNMP, and mean here what an
// snmpd on this machine would have answered; names that SNMP had no counterpart for
// (bytes and requests of disks, packets, drops and received errors of interfaces) are our
// own. The compute.node.cpu.* meters are those of Nova's CPU monitor. The resources are
//
//	<host>             the machine: load, memory, I/O and datagrams as a whole
//	<host>_<host>      the compute node (compute.node.cpu.*)
//	<host>.<device>    a filesystem or a disk, e.g. "cn7./dev/sda"
//	<host>.<name>      a network interface
//
// where host is [DEFAULT]host. User and project are null.
//
// Counters are exact: they are read as integers and never pass through a float. That they
// wrap or start again with the machine is left to whoever computes rates. Percentages are
// over the time since the previous poll; the very first poll looks twice, 100 ms apart.
//
// All interfaces that the kernel counts for are metered, loopback, bridges and taps
// included; all disks but no partitions; and the filesystems that hold data, each once
// however often it is mounted. Filesystems in memory, images, overlays and what an
// automounter has mounted are left out. One whose server is away delays its own poll by 2
// seconds, once, and is not asked again before it has answered.
//
// github.com/prometheus/procfs reads the load and the memory. The other files are read
// here, because procfs turns their counters into floats (stat, snmp), panics when a line
// is short (net/dev), or opens dozens of files per CPU or interface for the one that is
// wanted (cpufreq, class/net).
package host
