package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/partition/file"
	"github.com/ringmeter/ringmeter/partition/worker"
)

var _ worker.Backend = (*file.Backend)(nil)

func TestMain(m *testing.M) {
	if run, ok := helpers()[os.Getenv(helperVariable)]; ok {
		os.Exit(run())
	}
	goleak.VerifyTestMain(m)
}

func open(tb testing.TB, dir string) *file.Backend {
	tb.Helper()
	b, err := file.Open("file://" + dir + "?timeout=15")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { b.Close() })
	return b
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		url  string
		path string
		ttl  time.Duration
	}{
		{"file://" + dir, "", 0},
		{"file://" + dir + "/new/deep?timeout=10", "new/deep", 10 * time.Second},
		{"file://" + dir + "//a/../b/?timeout=3", "b", 3 * time.Second},
		{"file://" + dir + "/with%20space%23%25", "with space#%", 0},
		{"file://" + dir + "/%C3%BC?", "ü", 0},
	} {
		b, err := file.Open(c.url)
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		want := filepath.Join(dir, c.path)
		if info, err := os.Stat(want); err != nil || !info.IsDir() {
			t.Errorf("%s made no directory %s: %v", c.url, want, err)
		}
		if b.TTL() != c.ttl {
			t.Errorf("%s: lease %v, want %v", c.url, b.TTL(), c.ttl)
		}
		again, err := file.Open(b.String())
		if err != nil || again.String() != b.String() || again.Folder("g") != filepath.Join(want, "g") {
			t.Errorf("%s opened again as %s: %v, error %v", c.url, b, again, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, err string }{
		{"redis://h", `scheme "redis"; write file:///path/to/directory`},
		{"/run/ringmeter", `scheme ""; write file:///path/to/directory`},
		{"file:run/ringmeter", `path "run/ringmeter" is relative; write file:///path/to/directory`},
		{"file://run/ringmeter", `"run" is read as a host; write file:///run/ringmeter`},
		{"file://", "the directory is missing; write file:///path/to/directory"},
		{"file:///", "the directory is missing; write file:///path/to/directory"},
		{"file:///x/..?timeout=10", "the directory is missing; write file:///path/to/directory"},
		{"file://u:secret@/x", "a user is given; write file:///path/to/directory"},
		{"file:///x#y", `"y" is read as a fragment; write # as %23`},
		{"file:///x%zz", `invalid URL escape "%zz"`},
		{"file://u:secret@h:port/x", "port"},
		{"file:///x?timeout=2", "option timeout: a lease of 2s is too short; write timeout=3 or more"},
		{"file:///x?timeout=0", "write timeout=3 or more"},
		{"file:///x?timeout=10.5", `option timeout: "10.5" is not a whole number of seconds; write timeout=15`},
		{"file:///x?timeout=-4", `"-4" is not a whole number`},
		{"file:///x?timeout=99999999999", `"99999999999" is not a whole number`},
		{"file:///x?timeout", `"" is not a whole number`},
		{"file:///x?timeout=4&timeout=5", `option timeout is given 2 times, as ["4" "5"]`},
		{"file:///x?lock_timeout=4", `there is no option "lock_timeout"; there is timeout`},
		{"file:///x?a;b", "options: "},
		{"file://" + plain, "making the coordinator's directory"},
		{"file://" + plain + "/below", "create it and give it to the user that runs the workers"},
		{"file:///proc/ringmeter", "making the coordinator's directory"},
	} {
		_, err := file.Open(c.url)
		if err == nil || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v, want %s", c.url, err, c.err)
		}
	}
}
