package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// interfaceMeters are SNMP's ifTable as far as Ceilometer read it (bytes, and errors of
// one direction); packets, drops and the other direction's errors are our own.
func interfaceMeters() []pollster.Meter {
	counter := func(name, unit, help string) pollster.Meter {
		return pollster.Meter{Name: "hardware.network." + name, Type: metering.Cumulative, Unit: unit, Help: help}
	}
	return []pollster.Meter{
		counter("incoming.bytes", "B", "bytes that a network interface has received"),
		counter("outgoing.bytes", "B", "bytes that a network interface has sent"),
		counter("incoming.packets", "packet", "packets that a network interface has received"),
		counter("outgoing.packets", "packet", "packets that a network interface has sent"),
		counter("incoming.errors", "packet", "packets that a network interface received with errors"),
		counter("outgoing.errors", "packet", "packets that a network interface could not send because of errors"),
		counter("incoming.drops", "packet", "received packets that were dropped"),
		counter("outgoing.drops", "packet", "packets to be sent that were dropped"),
	}
}

// interfaceProperties is comparable, so the addresses are in one string.
type interfaceProperties struct {
	host, name, mac, addresses string
	speed                      int64 // bytes per second, 0 when not known
}

func (p interfaceProperties) metadata() map[string]any {
	md := map[string]any{"host": p.host, "name": p.name}
	if p.mac != "" {
		md["mac"] = p.mac
	}
	if p.speed > 0 {
		md["speed"] = p.speed
	}
	if all := strings.Fields(p.addresses); len(all) > 0 {
		md["ip"], md["ips"] = all[0], all
	}
	return md
}

// interfaces reads all network interfaces, loopback and bridges included, that the
// kernel counts for.
func (m machine) interfaces() (reader, error) {
	meters := interfaceMeters()
	metadata := newMemo(interfaceProperties.metadata)
	return func(ctx context.Context, host string, yield yieldFunc) bool {
		text, err := os.ReadFile(filepath.Join(m.proc, "net/dev"))
		if err != nil {
			return fail(yield, fmt.Errorf("reading network interfaces: %w", err))
		}
		at := monotonic()
		ips, err := m.addresses()
		if err != nil && !fail(yield, fmt.Errorf("listing IP addresses: %w", err)) {
			return false
		}
		metadata.turn()
		for line := range strings.Lines(string(text)) {
			name, rest, ok := strings.Cut(line, ":")
			name = strings.TrimSpace(name)
			fields := strings.Fields(rest)
			// The two lines of titles have no colon, interfaces without counters have
			// "No statistics available".
			if !ok || len(fields) < 16 {
				continue
			}
			if err := ctx.Err(); err != nil {
				return fail(yield, fmt.Errorf("reading network interfaces: %w", err))
			}
			v, err := counters(fields[:16])
			if err != nil {
				if !fail(yield, fmt.Errorf("reading network interface %s: %w", readable(name), err)) {
					return false
				}
				continue
			}
			p := m.interfaceProperties(host, name, ips)
			if !emit(yield, meters, subject{host + "." + p.name, metadata.of(p)}, at,
				metering.Uint(v[0]), metering.Uint(v[8]), // bytes
				metering.Uint(v[1]), metering.Uint(v[9]), // packets
				metering.Uint(v[2]), metering.Uint(v[10]), // errors
				metering.Uint(v[3]), metering.Uint(v[11]), // drops
			) {
				return false
			}
		}
		return true
	}, nil
}

// interfaceProperties reads what /sys knows about an interface. Three small files are
// cheap enough to be read each time, so a tap that comes back under its old name cannot
// have its predecessor's address.
func (m machine) interfaceProperties(host, name string, ips map[int][]string) interfaceProperties {
	p := interfaceProperties{host: host, name: readable(name)}
	if strings.Contains(name, "/") || name == "." || name == ".." {
		return p // no interface is called so
	}
	dir := filepath.Join(m.sys, "class/net", name)
	p.mac = attribute(filepath.Join(dir, "address"))
	// Mbit/s; -1 or unreadable for interfaces without a link or without a speed.
	if mbit, err := strconv.ParseInt(attribute(filepath.Join(dir, "speed")), 10, 32); err == nil && mbit > 0 {
		p.speed = mbit * 1e6 / 8
	}
	if index, err := strconv.Atoi(attribute(filepath.Join(dir, "ifindex"))); err == nil {
		p.addresses = strings.Join(ips[index], " ")
	}
	return p
}
