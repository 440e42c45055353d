package host

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
)

// head reads the beginning of a file, at most len(buf) bytes of it, with nothing but
// open, read and close. That is a third of the system calls of os.ReadFile, and does not
// wait for ever on drivers that answer "try again".
func head(path string, buf []byte) (string, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read %s: %w", path, err)
		}
		return string(buf[:n]), nil
	}
}

// attribute is the text of a one-line file of /sys, or "" where there is none to be had.
func attribute(path string) string {
	var buf [256]byte
	text, err := head(path, buf[:])
	if err != nil {
		return ""
	}
	return readable(strings.TrimSpace(text))
}

// readable is a name from the kernel, which allows any bytes in most of them, as text.
func readable(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

// counters parses the fields of a line that are all counters.
func counters(fields []string) ([]uint64, error) {
	values := make([]uint64, len(fields))
	for i, f := range fields {
		v, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

// optional is the volume of what may be missing.
func optional(v *uint64) metering.Volume {
	if v == nil {
		return metering.Volume{}
	}
	return metering.Uint(*v)
}
