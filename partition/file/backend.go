package file

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// shortestLease is what a busy host can be late by without anybody dying of it.
const shortestLease = 3 * time.Second

// Backend is a directory with groups in it. Its methods may be called from any goroutine.
type Backend struct {
	dir    string
	ttl    time.Duration
	now    func() time.Time
	closed atomic.Bool
}

// Open reads a URL like file:///run/ringmeter?timeout=15 and makes the directory if it is
// missing. It fails when the URL is not understood as a whole, or when this user cannot
// work in the directory.
func Open(rawURL string) (*Backend, error) {
	b := &Backend{now: time.Now}
	if err := b.configure(rawURL); err != nil {
		return nil, fmt.Errorf("reading the coordinator's URL: %w", err)
	}
	if err := os.MkdirAll(b.dir, dirMode); err != nil {
		return nil, fmt.Errorf("making the coordinator's directory: %w; create it and give it to the user that runs the workers", err)
	}
	if err := unix.Faccessat(unix.AT_FDCWD, b.dir, unix.R_OK|unix.W_OK|unix.X_OK, unix.AT_EACCESS); err != nil {
		return nil, fmt.Errorf("checking the coordinator's directory %s: %w; give it to the user that runs the workers", b.dir, err)
	}
	return b, nil
}

func (b *Backend) configure(rawURL string) error {
	u, err := url.Parse(rawURL)
	if err != nil {
		if parse, ok := errors.AsType[*url.Error](err); ok {
			err = parse.Err // without the URL, which may be one with a password
		}
		return err
	}
	switch {
	case u.Scheme != "file":
		return fmt.Errorf("scheme %q; write file:///path/to/directory", u.Scheme)
	case u.Opaque != "":
		return fmt.Errorf("path %q is relative; write file:///path/to/directory", u.Opaque)
	case u.User != nil:
		return errors.New("a user is given; write file:///path/to/directory")
	case u.Host != "":
		return fmt.Errorf("%q is read as a host; write file:///%s%s", u.Host, u.Host, u.Path)
	case u.Path == "" || filepath.Clean(u.Path) == "/":
		return errors.New("the directory is missing; write file:///path/to/directory")
	case u.Fragment != "":
		return fmt.Errorf("%q is read as a fragment; write # as %%23", u.Fragment)
	}
	b.dir = filepath.Clean(u.Path)
	options, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return fmt.Errorf("options: %w", err)
	}
	for name, values := range options {
		if name != "timeout" {
			return fmt.Errorf("there is no option %q; there is timeout", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("option timeout is given %d times, as %q", len(values), slices.Sorted(slices.Values(values)))
		}
		seconds, err := strconv.ParseUint(values[0], 10, 31)
		if err != nil {
			return fmt.Errorf("option timeout: %q is not a whole number of seconds; write timeout=15", values[0])
		}
		b.ttl = time.Duration(seconds) * time.Second
		if b.ttl < shortestLease {
			return fmt.Errorf("option timeout: a lease of %v is too short; write timeout=%d or more", b.ttl, shortestLease/time.Second)
		}
	}
	return nil
}

// Group is where members of that name meet.
func (b *Backend) Group(name string) steps.Store {
	return &store{backend: b, name: name, dir: filepath.Join(b.dir, fileName(name))}
}

// TTL is the lease that the URL asks for, 0 for the default.
func (b *Backend) TTL() time.Duration { return b.ttl }

// String is the URL of the directory.
func (b *Backend) String() string { return (&url.URL{Scheme: "file", Path: b.dir}).String() }

// Close makes the stores fail; there is nothing else to end.
func (b *Backend) Close() error {
	b.closed.Store(true)
	return nil
}
