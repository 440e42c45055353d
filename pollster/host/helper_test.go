package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/discovery"
	hosts "github.com/ringmeter/ringmeter/discovery/host"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
	"github.com/ringmeter/ringmeter/pollster/host"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// copied is a copy of the made-up machine that a test may change.
func copied(t testing.TB) host.Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/machine")); err != nil {
		t.Fatal(err)
	}
	return host.Config{Proc: filepath.Join(dir, "proc"), Sys: filepath.Join(dir, "sys"), Root: "/host"}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// statfs answers for the filesystems of the made-up machine.
func statfs(path string, s *unix.Statfs_t) error {
	switch path {
	case "/host":
		*s = unix.Statfs_t{Bsize: 4096, Frsize: 4096, Blocks: 66053021, Bfree: 62817100}
	case "/host/srv/my data": // 16 EiB less a block: beyond 64 bits when counted in bytes
		*s = unix.Statfs_t{Bsize: 65536, Frsize: 65536, Blocks: 1<<48 - 1, Bfree: 1 << 47}
	case "/host/mnt/nfs":
		*s = unix.Statfs_t{Bsize: 1 << 20, Blocks: 1000, Bfree: 1}
	case "/host/mnt/s3":
		*s = unix.Statfs_t{Bsize: 1 << 20, Frsize: 512, Blocks: 8, Bfree: 3}
	case "/host/tank":
		*s = unix.Statfs_t{Bsize: 131072, Frsize: 131072, Blocks: 4, Bfree: 5}
	case "/host/mnt/empty":
		*s = unix.Statfs_t{Bsize: 4096}
	case "/host/home/x/secret":
		return unix.EACCES
	default:
		return fmt.Errorf("nobody should look at %s", path)
	}
	return nil
}

func addresses() (map[int][]string, error) {
	return map[int][]string{1: {"127.0.0.1", "::1"}, 2: {"192.0.2.2", "192.0.2.3", "2001:db8::2"}}, nil
}

// open makes the pollsters, by the names of their plugins.
func open(t testing.TB, plugins []pollster.Plugin) map[string]pollster.Pollster {
	t.Helper()
	all := make(map[string]pollster.Pollster)
	for _, p := range plugins {
		made, err := p.New()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		all[p.Name] = made
	}
	return all
}

// poll reads node "cn7" and returns all that came.
func poll(ctx context.Context, p pollster.Pollster) ([]metering.Sample, error) {
	var (
		samples []metering.Sample
		errs    []error
	)
	for s, err := range p.Poll(ctx, []discovery.Resource{hosts.Node{Host: "cn7"}}) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		samples = append(samples, s)
	}
	return samples, errors.Join(errs...)
}

// render is one line per sample, without its time.
func render(samples []metering.Sample) string {
	var b strings.Builder
	for _, s := range samples {
		fmt.Fprintf(&b, "%s %s %s %s %s %s\n", s.Name, s.Type, s.Unit, s.Volume, s.ResourceID, s.Metadata)
	}
	return b.String()
}

// names of the meters that have samples.
func names(samples []metering.Sample) map[string]bool {
	found := make(map[string]bool)
	for _, s := range samples {
		found[s.Name] = true
	}
	return found
}
