package host_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
	"github.com/ringmeter/ringmeter/pollster/host"
)

// server answers for a filesystem when it is let to.
type server struct {
	mu    sync.Mutex
	calls []string
	away  map[string]chan struct{} // paths that answer when their channel is closed
}

func (s *server) statfs(path string, buf *unix.Statfs_t) error {
	s.mu.Lock()
	s.calls = append(s.calls, path)
	away := s.away[path]
	s.mu.Unlock()
	if away != nil {
		<-away
	}
	*buf = unix.Statfs_t{Frsize: 1024, Blocks: 100, Bfree: 40}
	return nil
}

// asked returns the paths of the calls since the last time, sorted.
func (s *server) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.calls = nil }()
	return slices.Sorted(slices.Values(s.calls))
}

// filesystems polls a machine with these lines of mountinfo.
func filesystems(t *testing.T, s *server, mountinfo ...string) pollster.Pollster {
	t.Helper()
	c := copied(t)
	write(t, filepath.Join(c.Proc, "1/mountinfo"), strings.Join(mountinfo, "\n")+"\n")
	return open(t, host.PluginsWith(c, s.statfs, addresses))["host.disk.size"]
}

// paths are those of the samples, each of which must come twice.
func paths(t *testing.T, samples []metering.Sample) []string {
	t.Helper()
	var all []string
	for i, s := range samples {
		if i%2 == 0 {
			all = append(all, s.Metadata.Text("path"))
		}
	}
	if len(samples)%2 != 0 {
		t.Errorf("%d samples are not two per filesystem", len(samples))
	}
	return all
}

func TestFilesystemThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		s := &server{away: map[string]chan struct{}{"/host/mnt/nfs": back}}
		p := filesystems(t, s,
			"27 1 254:1 / / rw - ext4 /dev/vda1 rw",
			"37 27 0:43 / /mnt/nfs rw - nfs4 filer:/vol1 rw",
			"38 27 0:44 / /mnt/ok rw - nfs4 other:/vol1 rw")
		for i, want := range []struct {
			took  time.Duration
			err   string
			asked []string
		}{
			{2 * time.Second, "reading the size of /mnt/nfs: the filesystem does not answer",
				[]string{"/host", "/host/mnt/nfs", "/host/mnt/ok"}},
			{0, "reading the size of /mnt/nfs: the filesystem has not answered an earlier call yet",
				[]string{"/host", "/host/mnt/ok"}},
		} {
			began := time.Now()
			samples, err := poll(t.Context(), p)
			if took := time.Since(began); took != want.took {
				t.Errorf("poll %d took %s, want %s", i, took, want.took)
			}
			if err == nil || err.Error() != want.err {
				t.Errorf("poll %d: got error %v, want %s", i, err, want.err)
			}
			if diff := cmp.Diff([]string{"/", "/mnt/ok"}, paths(t, samples)); diff != "" {
				t.Errorf("poll %d (-want +got):\n%s", i, diff)
			}
			if diff := cmp.Diff(want.asked, s.asked()); diff != "" {
				t.Errorf("poll %d asked (-want +got):\n%s", i, diff)
			}
		}
		close(back)
		synctest.Wait()
		samples, err := poll(t.Context(), p)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{"/", "/mnt/nfs", "/mnt/ok"}, paths(t, samples)); diff != "" {
			t.Errorf("after the server is back (-want +got):\n%s", diff)
		}
	})
}

func TestHangEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		s := &server{away: map[string]chan struct{}{"/host": back}}
		p := filesystems(t, s, "27 1 254:1 / / rw - ext4 /dev/vda1 rw")
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := poll(ctx, p); err == nil || time.Since(began) != time.Millisecond {
			t.Errorf("got error %v after %s", err, time.Since(began))
		}
		close(back)
	})
}

// TestManyHang shows that hanging servers neither take ever more threads nor keep local
// disks from being read.
func TestManyHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		s := &server{away: make(map[string]chan struct{})}
		var mounts []string
		for i := range 100 {
			path := fmt.Sprintf("/mnt/%d", i)
			s.away["/host"+path] = back
			mounts = append(mounts, fmt.Sprintf("%d 27 0:%d / %s rw - nfs4 filer:%s rw", i+100, i+100, path, path))
		}
		mounts = append(mounts, "27 1 254:1 / / rw - ext4 /dev/vda1 rw")
		p := filesystems(t, s, mounts...)
		for range 3 {
			samples, err := poll(t.Context(), p)
			if err == nil {
				t.Error("no error")
			}
			if diff := cmp.Diff([]string{"/"}, paths(t, samples)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		}
		if got := len(s.asked()); got != 64+3 {
			t.Errorf("%d calls, want one of each of 64 and 3 of the local one", got)
		}
		close(back)
		synctest.Wait()
		samples, err := poll(t.Context(), p)
		if got := len(paths(t, samples)); got != 101 || err != nil {
			t.Errorf("%d filesystems after the server is back: %v", got, err)
		}
	})
}

func TestWhichFilesystems(t *testing.T) {
	const root = "27 1 254:1 / / rw - ext4 /dev/vda1 rw"
	for _, each := range []struct {
		name   string
		mounts []string
		want   []string // asked
	}{
		{"the root", []string{root}, []string{"/host"}},
		{"bind mounts only: the shortest path", []string{
			"30 27 254:1 /etc/resolv.conf /etc/resolv.conf rw - ext4 /dev/vda1 rw",
			"31 27 254:1 /etc/hosts /etc/hosts rw - ext4 /dev/vda1 rw",
		}, []string{"/host/etc/hosts"}},
		{"covered by a mount above it", []string{root,
			"30 27 254:2 / /data/deep rw - ext4 /dev/vda2 rw",
			"31 27 254:3 / /data rw - ext4 /dev/vda3 rw",
			"32 27 254:4 / /database rw - ext4 /dev/vda4 rw",
		}, []string{"/host", "/host/data", "/host/database"}},
		{"on a mount that is covered", []string{root,
			"30 27 254:2 / /data rw - ext4 /dev/vda2 rw",
			"31 30 254:3 / /data/deep rw - ext4 /dev/vda3 rw",
			"32 30 254:4 / /data rw - ext4 /dev/vda4 rw",
		}, []string{"/host", "/host/data"}},
		{"covered here and bound there", []string{root,
			"30 27 254:2 / /a rw - ext4 /dev/vda2 rw",
			"31 30 0:50 / /a rw - tmpfs tmpfs rw",
			"32 27 254:2 /x /longer rw - ext4 /dev/vda2 rw",
		}, []string{"/host", "/host/longer"}},
		{"below an automounter", []string{root,
			"30 27 0:40 / /boot/efi rw - autofs systemd-1 rw",
			"31 30 254:2 / /boot/efi rw - vfat /dev/vda2 rw",
			"32 31 254:3 / /boot/efi/x rw - ext4 /dev/vda3 rw",
		}, []string{"/host"}},
		{"parents in a circle", []string{root,
			"30 31 254:2 / /a rw - ext4 /dev/vda2 rw",
			"31 30 254:3 / /b rw - ext4 /dev/vda3 rw",
		}, []string{"/host"}},
		{"own parent", []string{"27 27 254:1 / / rw - ext4 /dev/vda1 rw"}, []string{"/host"}},
		{"lines of another kind", []string{root, "x", "1 2 3 - 4", "a b 254:9 / /x rw - ext4 /dev/x rw", ""},
			[]string{"/host"}},
		{"escapes", []string{`27 1 254:1 / /a\040b\134\011\9\ rw - ext4 /dev/vda1 rw`},
			[]string{"/host/a b\\\t\\9\\"}},
	} {
		t.Run(each.name, func(t *testing.T) {
			s := &server{}
			if _, err := poll(t.Context(), filesystems(t, s, each.mounts...)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(each.want, s.asked()); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
		})
	}
}
