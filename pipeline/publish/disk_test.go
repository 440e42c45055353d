package publish_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pipeline/publish/publishtest"
)

// fullDiskVariable makes this test binary write to the file it names, as a process whose
// files can grow to a few lines and a half only, until told that there is room again.
const fullDiskVariable = "PUBLISH_TEST_FULL_DISK"

func TestFileOnFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "samples")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), fullDiskVariable+"="+path)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(got) != 10 {
		t.Fatalf("%d lines, want 10:\n%s", len(got), data)
	}
	for i, line := range got {
		s := publishtest.Sample(fmt.Sprint(i))
		if want := string(s.AppendObject(nil)); line != want {
			t.Errorf("line %d = %s\n    want %s", i, line, want)
		}
	}
}

// writeToFullDisk is the other process. It returns an exit code.
func writeToFullDisk() int {
	fail := func(format string, args ...any) int {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
		return 1
	}
	signal.Ignore(syscall.SIGXFSZ) // so that a write past the limit fails with EFBIG
	path := os.Getenv(fullDiskVariable)
	var batch []metering.Sample
	for i := range 10 {
		batch = append(batch, publishtest.Sample(fmt.Sprint(i)))
	}
	line := uint64(len(batch[0].AppendObject(nil)) + 1)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return fail("%v", err)
	}
	unlimited := limit
	limit.Cur = 3*line + line/2
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return fail("%v", err)
	}
	set := publish.NewSet(publish.Env{})
	p, err := set.Open("file://" + path + "?json")
	if err != nil {
		return fail("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- set.Run(ctx) }()
	ended, end := context.WithTimeout(ctx, 2*time.Second) // longer than Publish waits
	defer end()
	if err := p.Publish(ended, batch); err != nil {
		return fail("Publish: %v", err)
	}
	if st := p.(pipeline.Reporter).Status(); st.Published != 3 || st.State != pipeline.StateRetrying || !strings.Contains(st.LastError, "file too large") {
		return fail("status on the full disk: %+v", st)
	}
	data, err := os.ReadFile(path)
	if err != nil || bytes.Count(data, []byte("\n")) != 3 || data[len(data)-1] != '\n' {
		return fail("on the full disk the file holds %q, %v", data, err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &unlimited); err != nil {
		return fail("%v", err)
	}
	cancel() // has the drain time to write the rest
	if err := <-done; err != nil {
		return fail("Run: %v", err)
	}
	return 0
}
