package publish_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

func line(resource string) string {
	s := publishtest.Sample(resource)
	return string(s.AppendObject(nil)) + "\n"
}

func contents(t interface{ Fatal(...any) }, path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFileRotates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	size := len(line("0"))
	p := open(t, publish.Env{}, fmt.Sprintf("file://%s?json&max_bytes=%d&backup_count=2", path, 2*size+1))
	var batch []metering.Sample
	for i := range 7 {
		batch = append(batch, publishtest.Sample(fmt.Sprint(i)))
	}
	p.publish(t, batch[:3]...)
	p.publish(t, batch[3:]...)
	for name, want := range map[string]string{
		path: line("6"), path + ".1": line("4") + line("5"), path + ".2": line("2") + line("3"),
	} {
		if got := contents(t, name); got != want {
			t.Errorf("%s holds\n%swant\n%s", name, got, want)
		}
	}
	if found, _ := filepath.Glob(path + "*"); len(found) != 3 {
		t.Errorf("files %q, want 3", found)
	}
}

// Rotated files hold what one file would, whatever the batches; none reaches the bound
// unless one line alone does.
func TestFileRotationLosesNothing(t *testing.T) {
	newDir := t.TempDir
	rapid.Check(t, func(t *rapid.T) {
		path := newDir() + "/samples"
		limit := rapid.IntRange(100, 3000).Draw(t, "limit")
		set := publish.NewSet(publish.Env{})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- set.Run(ctx) }()
		p, err := set.Open(fmt.Sprintf("file://%s?json&max_bytes=%d&backup_count=100", path, limit))
		if err != nil {
			t.Fatal(err)
		}
		n, want := 0, ""
		for _, size := range rapid.SliceOfN(rapid.IntRange(1, 9), 1, 6).Draw(t, "batches") {
			var batch []metering.Sample
			for range size {
				batch = append(batch, publishtest.Sample(strings.Repeat("x", n*37%200)))
				want += line(batch[len(batch)-1].ResourceID)
				n++
			}
			if err := p.Publish(ctx, batch); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		files, _ := filepath.Glob(path + ".*")
		got := ""
		for i := len(files); i > 0; i-- {
			got += contents(t, fmt.Sprintf("%s.%d", path, i))
		}
		if got += contents(t, path); got != want {
			t.Errorf("the files hold\n%s\nwant\n%s", got, want)
		}
		for _, f := range append(files, path) {
			if c := contents(t, f); len(c) >= limit && strings.Count(c, "\n") > 1 {
				t.Errorf("%s has %d bytes, the bound is %d", f, len(c), limit)
			}
		}
	})
}

func TestFileFollowsItsName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	p := open(t, publish.Env{}, "file://"+path+"?json")
	p.publish(t, publishtest.Sample("0"))
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	p.publish(t, publishtest.Sample("1"))
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	p.publish(t, publishtest.Sample("2"))
	if a, b := contents(t, path+".moved"), contents(t, path); a != line("0") || b != line("2") {
		t.Errorf("moved: %snew: %s", a, b)
	}
}

// What a crash has left of a line goes; what is not ours stays.
func TestFileRepairsItsEnd(t *testing.T) {
	for _, c := range []struct{ before, after string }{
		{"", ""}, {"whole\n", "whole\n"}, {"whole\nhal", "whole\n"}, {"\nhal", "\n"}, {"not ours", "not ours\n"},
	} {
		path := filepath.Join(t.TempDir(), "samples")
		if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
			t.Fatal(err)
		}
		open(t, publish.Env{}, "file://"+path+"?json").publish(t, publishtest.Sample("0"))
		if got, want := contents(t, path), c.after+line("0"); got != want {
			t.Errorf("%q became %q, want %q", c.before, got, want)
		}
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	for path, want := range map[string]string{
		dir + "/no/such/samples": "opening publisher file://" + dir + "/no/such/samples: opening " + dir + "/no/such/samples: the directory " + dir + "/no/such does not exist; create it",
		dir:                      "is a directory, not a file",
	} {
		_, err := publish.NewSet(publish.Env{}).Open("file://" + path)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v\nwant %s", err, want)
		}
	}
}

// A device that is full now keeps samples waiting and has nothing to cut off.
func TestFileOnFullDevice(t *testing.T) {
	p := open(t, publish.Env{}, "file:///dev/full?policy=drop")
	st := p.publish(t, publishtest.Sample("0"))
	wantError(t, st.LastError, "writing /dev/full: no space left on device")
	if st.Dropped != 1 {
		t.Errorf("status %+v", st)
	}
}

func TestTestPublisher(t *testing.T) {
	p := open(t, publish.Env{}, "test://")
	p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"))
	p.publish(t, publishtest.Sample("2"))
	kept := p.Test("test://")
	var ids []string
	for _, s := range kept.Samples() {
		ids = append(ids, s.ResourceID)
	}
	if samples, calls := kept.Counts(); samples != 3 || calls != 2 || !slices.Equal(ids, []string{"0", "1", "2"}) {
		t.Errorf("%d samples in %d calls: %q", samples, calls, ids)
	}
	batch := make([]metering.Sample, 10_000)
	for range 10 {
		p.publish(t, batch...)
	}
	if n := len(kept.Samples()); n < 4096 || n > 2*4096 {
		t.Errorf("keeps %d samples", n)
	}
	if p.Test("test://other") != nil {
		t.Error("a publisher that was never opened")
	}
}

// A reload that changes a parameter has two publishers at one file for a while.
func TestFileOpenedTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	size := len(line("0"))
	url := fmt.Sprintf("file://%s?json&backup_count=9&max_bytes=%d", path, 2*size+1)
	p := open(t, publish.Env{}, url)
	next, err := p.Open(url + "&max_retry=7")
	if err != nil {
		t.Fatal(err)
	}
	p.publish(t, publishtest.Sample("0"), publishtest.Sample("1"))
	if err := next.Publish(t.Context(), []metering.Sample{publishtest.Sample("2")}); err != nil {
		t.Fatal(err)
	}
	if old, current := contents(t, path+".1"), contents(t, path); old != line("0")+line("1") || current != line("2") {
		t.Errorf("rotated:\n%scurrent:\n%s", old, current)
	}
}

// Opening a file that is being written to takes nothing of the line that is just coming
// for one that a crash has left.
func TestFileOpenedWhileItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	p := open(t, publish.Env{}, "file://"+path+"?json")
	batch := slices.Repeat([]metering.Sample{publishtest.Sample("r")}, 10_000)
	const batches = 10
	written := make(chan error, 1)
	go func() {
		for range batches {
			if err := p.Publish(t.Context(), batch); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	for i := 0; ; i++ {
		select {
		case err := <-written:
			if err != nil {
				t.Error(err)
			}
			if err := p.stop(); err != nil {
				t.Error(err)
			}
			if n := strings.Count(contents(t, path), line("r")); n != batches*len(batch) {
				t.Errorf("%d lines, want %d", n, batches*len(batch))
			}
			return
		default:
		}
		if _, err := p.Open(fmt.Sprintf("file://%s?json&max_retry=%d", path, i)); err != nil {
			t.Error(err)
		}
		p.Retain([]string{"file://" + path + "?json"})
	}
}

// Metadata is passed on as it came, which may be on several lines.
func TestOneLinePerSample(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	var out strings.Builder
	s := publishtest.Sample("r")
	s.Metadata = "{\r\n\t\"a\": [1,\n2],\n\"b\": \"x\\ny\"\n}"
	for _, url := range []string{"file://" + path + "?json", "file://" + path + ".python", "stdout://"} {
		open(t, publish.Env{Stdout: &out}, url).publish(t, s, s)
	}
	for name, got := range map[string]string{"file": contents(t, path), "python": contents(t, path+".python"), "stdout": out.String()} {
		if lines := strings.FieldsFunc(got, func(r rune) bool { return r == '\n' || r == '\r' }); len(lines) != 2 || lines[0] != lines[1] {
			t.Errorf("%s holds\n%s", name, got)
		}
	}
	if want := `{  	"a": [1, 2], "b": "x\ny" }`; !strings.Contains(contents(t, path), want) {
		t.Errorf("metadata became another one:\n%s", contents(t, path))
	}
}
