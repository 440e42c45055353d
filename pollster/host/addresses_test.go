package host_test

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/pollster/host"
)

type attribute struct {
	kind  uint16
	value []byte
}

// newAddress is the body of an RTM_NEWADDR message.
func newAddress(index uint32, family byte, attributes ...attribute) []byte {
	body := []byte{family, 24, 0, 0}
	body = binary.NativeEndian.AppendUint32(body, index)
	for _, a := range attributes {
		body = binary.NativeEndian.AppendUint16(body, uint16(4+len(a.value)))
		body = binary.NativeEndian.AppendUint16(body, a.kind)
		body = append(body, a.value...)
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
	}
	return body
}

// dump is an answer of the kernel with these bodies.
func dump(bodies ...[]byte) []byte {
	var all []byte
	for _, b := range bodies {
		all = binary.NativeEndian.AppendUint32(all, uint32(16+len(b)))
		all = binary.NativeEndian.AppendUint16(all, unix.RTM_NEWADDR)
		all = append(all, make([]byte, 10)...) // flags, sequence number, port
		all = append(all, b...)
	}
	return all
}

func TestParseAddresses(t *testing.T) {
	ip := func(s string) []byte { return netip.MustParseAddr(s).AsSlice() }
	got, err := host.ParseAddresses(dump(
		newAddress(2, unix.AF_INET6, attribute{unix.IFA_ADDRESS, ip("2001:db8::2")}),
		newAddress(2, unix.AF_INET6, attribute{unix.IFA_ADDRESS, ip("fe80::1")}),
		newAddress(2, unix.AF_INET, attribute{unix.IFA_ADDRESS, ip("192.0.2.2")}, attribute{unix.IFA_LOCAL, ip("192.0.2.2")}),
		newAddress(2, unix.AF_INET, attribute{unix.IFA_LABEL, []byte("eth0:1\x00")}, attribute{unix.IFA_LOCAL, ip("192.0.2.3")}),
		newAddress(5, unix.AF_INET, attribute{unix.IFA_LOCAL, ip("10.0.0.1")}, attribute{unix.IFA_ADDRESS, ip("10.0.0.2")}),
		newAddress(6, unix.AF_INET6, attribute{unix.IFA_ADDRESS, ip("2001:db8::6")}),
		newAddress(7, unix.AF_INET),
		newAddress(8, unix.AF_INET, attribute{unix.IFA_LOCAL, []byte{1, 2}}),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := map[int][]string{
		2: {"192.0.2.2", "192.0.2.3", "2001:db8::2"},
		5: {"10.0.0.1"}, // and not that of the peer
		6: {"2001:db8::6"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestAddressesOfThisMachine compares with what the net package finds.
func TestAddressesOfThisMachine(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]string)
	for _, i := range interfaces {
		all, err := i.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			p, err := netip.ParsePrefix(a.String())
			if err != nil {
				t.Fatal(err)
			}
			if ip := p.Addr(); !ip.Is6() || !ip.IsLinkLocalUnicast() {
				want[i.Name] = append(want[i.Name], ip.String())
			}
		}
		slices.Sort(want[i.Name])
	}
	samples, err := poll(t.Context(), open(t, host.Plugins(host.Config{}))["host.network"])
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string)
	for _, s := range samples {
		list, _ := s.Metadata.Lookup("ips")
		if ips := strings.Trim(list, `[]`); ips != "" {
			all := strings.Split(strings.ReplaceAll(ips, `"`, ""), ",")
			slices.Sort(all)
			got[s.Metadata.Text("name")] = all
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddressesCannotBeListed(t *testing.T) {
	refused := errors.New("refused")
	none := func() (map[int][]string, error) { return nil, refused }
	samples, err := poll(t.Context(), open(t, host.PluginsWith(copied(t), statfs, none))["host.network"])
	if !errors.Is(err, refused) {
		t.Errorf("got error %v", err)
	}
	if !names(samples)["hardware.network.incoming.bytes"] {
		t.Error("the counters are gone with the addresses")
	}
}
