package host

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

var errTruncated = errors.New("the kernel's list of addresses ends too early")

// addresses lists the IP addresses of all interfaces by interface index, IPv4 first. IPv6
// link-local ones are left out: every interface has one, made of its MAC.
func addresses() (map[int][]string, error) {
	// One question to the kernel; the net package asks the same once per interface.
	dump, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return nil, err
	}
	return parseAddresses(dump)
}

// parseAddresses reads RTM_NEWADDR messages. The parsers of package syscall do not stand
// answers that end early.
func parseAddresses(dump []byte) (map[int][]string, error) {
	v4, v6 := make(map[int][]string), make(map[int][]string)
	for len(dump) >= unix.NLMSG_HDRLEN {
		length := int(binary.NativeEndian.Uint32(dump))
		if length < unix.NLMSG_HDRLEN || length > len(dump) {
			return nil, errTruncated
		}
		kind, body := binary.NativeEndian.Uint16(dump[4:]), dump[unix.NLMSG_HDRLEN:length]
		dump = dump[min(aligned(length), len(dump)):]
		if kind != unix.RTM_NEWADDR {
			continue
		}
		if len(body) < unix.SizeofIfAddrmsg {
			return nil, errTruncated
		}
		index := int(binary.NativeEndian.Uint32(body[4:])) // ifa_index
		ip, err := address(body[unix.SizeofIfAddrmsg:])
		if err != nil {
			return nil, err
		}
		switch {
		case ip.Is4():
			v4[index] = append(v4[index], ip.String())
		case ip.Is6() && !ip.IsLinkLocalUnicast():
			v6[index] = append(v6[index], ip.String())
		}
	}
	for index, all := range v6 {
		v4[index] = append(v4[index], all...)
	}
	return v4, nil
}

// address is the interface's own among attributes; on a point-to-point link IFA_ADDRESS is
// the peer's. It is the zero Addr when there is none.
func address(attributes []byte) (netip.Addr, error) {
	var local, other netip.Addr
	for len(attributes) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(attributes))
		if length < unix.SizeofRtAttr || length > len(attributes) {
			return netip.Addr{}, errTruncated
		}
		value := attributes[unix.SizeofRtAttr:length]
		switch binary.NativeEndian.Uint16(attributes[2:]) {
		case unix.IFA_LOCAL:
			local, _ = netip.AddrFromSlice(value)
		case unix.IFA_ADDRESS:
			other, _ = netip.AddrFromSlice(value)
		}
		attributes = attributes[min(aligned(length), len(attributes)):]
	}
	if local.IsValid() {
		return local, nil
	}
	return other, nil
}

// aligned rounds up to the 4 bytes at which netlink begins everything.
func aligned(length int) int { return (length + 3) &^ 3 }
