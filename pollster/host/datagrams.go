package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

func datagramMeters() []pollster.Meter {
	return []pollster.Meter{
		{Name: "hardware.network.ip.incoming.datagrams", Type: metering.Cumulative, Unit: "datagrams",
			Help: "IPv4 datagrams received, those with errors included, since boot (SNMP's ipInReceives)"},
		{Name: "hardware.network.ip.outgoing.datagrams", Type: metering.Cumulative, Unit: "datagrams",
			Help: "IPv4 datagrams that this machine wanted to send, forwarded ones not counted, since boot (SNMP's ipOutRequests)"},
	}
}

func (m machine) datagrams() (reader, error) {
	meters, whole := datagramMeters(), wholeHost()
	path := filepath.Join(m.proc, "net/snmp")
	return func(_ context.Context, host string, yield yieldFunc) bool {
		in, out, err := readDatagrams(path)
		if err != nil {
			return fail(yield, fmt.Errorf("reading IP datagrams: %w", err))
		}
		return emit(yield, meters, whole(host), monotonic(), in, out)
	}, nil
}

// readDatagrams reads the two lines that begin with "Ip:", names and values.
func readDatagrams(path string) (in, out metering.Volume, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return in, out, err
	}
	var names []string
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, "Ip:")
		switch {
		case !ok:
		case names == nil:
			names = strings.Fields(rest)
		default:
			values := strings.Fields(rest)
			in, inErr := named("InReceives", names, values)
			out, outErr := named("OutRequests", names, values)
			if err := errors.Join(inErr, outErr); err != nil {
				return metering.Volume{}, metering.Volume{}, fmt.Errorf("%s: %w", path, err)
			}
			return in, out, nil
		}
	}
	return in, out, fmt.Errorf("%s tells nothing about IP", path)
}

// named is the value that stands where name does among names.
func named(name string, names, values []string) (metering.Volume, error) {
	i := slices.Index(names, name)
	if i < 0 || i >= len(values) {
		return metering.Volume{}, fmt.Errorf("%s has no value", name)
	}
	v, err := strconv.ParseUint(values[i], 10, 64)
	if err != nil {
		return metering.Volume{}, fmt.Errorf("%s: %w", name, err)
	}
	return metering.Uint(v), nil
}
