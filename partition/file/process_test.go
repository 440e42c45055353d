package file_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/file"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// The test binary runs itself as another worker when this variable names what to do.
const helperVariable = "RINGMETER_TEST_WORKER"

func helpers() map[string]func() int {
	return map[string]func() int{
		"hold":  func() int { return report(hold()) },
		"claim": func() int { return report(claimAll()) },
		"work":  func() int { return report(workOn()) },
		"full":  func() int { return report(fullDisk()) },
	}
}

func report(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// helper is another process.
type helper struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

// start runs a helper with the directory, the member's ID and the cycle. It lives for a
// minute at most.
func start(t *testing.T, what, dir, id string, cycle int64) *helper {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	h := &helper{Cmd: exec.CommandContext(ctx, os.Args[0])}
	h.Env = append(os.Environ(), helperVariable+"="+what, "TEST_DIR="+dir, "TEST_ID="+id, "TEST_CYCLE="+strconv.FormatInt(cycle, 10))
	h.Stderr = os.Stderr
	var err error
	if h.in, err = h.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := h.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	h.out = bufio.NewScanner(out)
	if err := h.Start(); err != nil {
		t.Fatal(err)
	}
	return h
}

// line is the next line that the helper says.
func (h *helper) line(t *testing.T) string {
	t.Helper()
	if !h.out.Scan() {
		t.Fatalf("the worker said no more: %v, %v", h.out.Err(), h.Wait())
	}
	return h.out.Text()
}

// kill ends the process as nobody can prepare for, and returns what it still said.
func (h *helper) kill(t *testing.T) (last []string) {
	t.Helper()
	if err := h.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for h.out.Scan() {
		last = append(last, h.out.Text())
	}
	if exit, ok := errors.AsType[*exec.ExitError](h.Wait()); !ok || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Fatalf("the worker was not killed: %v", exit)
	}
	return last
}

// enter joins the group g of the directory and opens the cycle, in a helper.
func enter() (context.Context, steps.Store, steps.Turn, error) {
	ctx := context.Background()
	b, err := file.Open("file://" + os.Getenv("TEST_DIR"))
	if err != nil {
		return nil, nil, steps.Turn{}, err
	}
	s, id := b.Group("g"), os.Getenv("TEST_ID")
	number, err := strconv.ParseInt(os.Getenv("TEST_CYCLE"), 10, 64)
	if err != nil {
		return nil, nil, steps.Turn{}, err
	}
	reply, err := s.Beat(ctx, beatOf(steps.Caller{ID: id}))
	if err != nil || reply.Status != steps.OK {
		return nil, nil, steps.Turn{}, fmt.Errorf("joining: %v, %w", reply, err)
	}
	turn := steps.Turn{Caller: steps.Caller{ID: id, Incarnation: reply.Incarnation, Era: reply.Era},
		Source: "src", Number: number, Interval: interval}
	begun, err := s.Begin(ctx, steps.Begin{Turn: turn})
	if err != nil || begun.Status != steps.OK {
		return nil, nil, steps.Turn{}, fmt.Errorf("beginning: %v, %w", begun, err)
	}
	turn.Epoch = begun.View.Epoch
	return ctx, s, turn, nil
}

// hold takes the lock and keeps it.
func hold() error {
	b, err := file.Open("file://" + os.Getenv("TEST_DIR"))
	if err != nil {
		return err
	}
	if _, err := file.Lock(context.Background(), b.Folder("g")); err != nil {
		return err
	}
	fmt.Println("held")
	_, err = os.Stdin.Read(make([]byte, 1))
	return err
}

// claimAll claims every partition, and says what it was granted.
func claimAll() error {
	ctx, s, turn, err := enter()
	if err != nil {
		return err
	}
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	for some := range slices.Chunk(upTo(4093), 256) {
		reply, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: some})
		if err != nil || reply.Status != steps.OK {
			return fmt.Errorf("claiming: %v, %w", reply.Status, err)
		}
		for _, p := range reply.Parts {
			fmt.Println(p)
		}
	}
	return nil
}

// workOn finishes one partition after the other, and says which.
func workOn() error {
	ctx, s, turn, err := enter()
	if err != nil {
		return err
	}
	for p := range 4093 {
		reply, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: []int{p}})
		if err != nil || reply.Status != steps.OK {
			return fmt.Errorf("claiming: %v, %w", reply.Status, err)
		}
		if len(reply.Parts) == 0 {
			continue
		}
		reply, err = s.Settle(ctx, steps.Settle{Turn: turn, Done: []int{p}})
		if err != nil || reply.Status != steps.OK || len(reply.Parts) != 0 {
			return fmt.Errorf("finishing: %v, %w", reply, err)
		}
		fmt.Println(p)
	}
	return nil
}

// fullDisk is a worker that can write no data for a while.
func fullDisk() error {
	ctx, s, turn, err := enter()
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGXFSZ)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: unix.RLIM_INFINITY}); err != nil {
		return err
	}
	claim := steps.Claim{Turn: turn, Parts: []int{1}}
	if reply, err := s.Claim(ctx, claim); err == nil {
		return fmt.Errorf("claimed without space: %v", reply)
	}
	if err := s.Post(ctx, "key", partition.Post{Version: 1}, time.Minute); err == nil {
		return errors.New("posted without space")
	}
	b := beatOf(turn.Caller)
	b.Epoch = turn.Epoch
	if reply, err := s.Beat(ctx, b); err != nil || reply.Status != steps.OK {
		return fmt.Errorf("a heartbeat needs no space: %v, %w", reply, err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}); err != nil {
		return err
	}
	reply, err := s.Claim(ctx, claim)
	if err != nil || !slices.Equal(reply.Parts, claim.Parts) {
		return fmt.Errorf("claiming with space again: %v, %w", reply, err)
	}
	return nil
}

func currentCycle() int64 { return time.Now().UnixMilli() / interval }

func TestFullDisk(t *testing.T) {
	if err := start(t, "full", t.TempDir(), "a", currentCycle()).Wait(); err != nil {
		t.Error(err)
	}
}

// TestKilledWithTheLock: the lock of a worker that is gone is free.
func TestKilledWithTheLock(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir).Group("g")
	a := join(t, s, "a")
	h := start(t, "hold", dir, "b", 0)
	h.line(t)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Beat(ctx, beatOf(a.Caller)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another has the lock: error %v", err)
	}
	before := time.Now()
	_, err := s.Beat(t.Context(), beatOf(a.Caller))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another worker has held it for 2s") {
		t.Errorf("after %v with nobody else's deadline: error %v", time.Since(before), err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := s.Leave(ended, a.Caller); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: error %v", err)
	}

	h.kill(t)
	if reply, err := s.Beat(t.Context(), beatOf(a.Caller)); err != nil || reply.Status != steps.OK {
		t.Errorf("after its death: %v, error %v", reply, err)
	}
}

// TestClaimedOnce: two processes want all partitions at once.
func TestClaimedOnce(t *testing.T) {
	dir, cycle := t.TempDir(), currentCycle()
	first := start(t, "claim", dir, "a", cycle)
	first.line(t)
	all := []*helper{first, start(t, "claim", dir, "b", cycle)}
	all[1].line(t)
	for _, h := range all {
		if _, err := fmt.Fprintln(h.in, "go"); err != nil {
			t.Fatal(err)
		}
	}
	by := map[string]int{}
	for i, h := range all {
		for h.out.Scan() {
			if other, taken := by[h.out.Text()]; taken {
				t.Errorf("partition %s was granted to %d and %d", h.out.Text(), other, i)
			}
			by[h.out.Text()] = i
		}
		if err := h.Wait(); err != nil {
			t.Error(err)
		}
	}
	if len(by) != 4093 {
		t.Errorf("%d partitions were granted, want 4093", len(by))
	}
}

// TestKilledAtWork kills a worker wherever it is, again and again: what it was told is
// done stays done, and who comes after it goes on.
func TestKilledAtWork(t *testing.T) {
	dir, cycle := t.TempDir(), currentCycle()
	s := open(t, dir).Group("g")
	survivor := join(t, s, "survivor")
	var done []int
	finished := func(line string) {
		p, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(done, p) {
			t.Errorf("partition %d was done twice", p)
		}
		done = append(done, p)
	}
	for range 15 {
		h := start(t, "work", dir, "victim", cycle)
		for range 5 {
			finished(h.line(t))
		}
		for _, line := range h.kill(t) {
			finished(line)
		}
		reply, err := s.Beat(t.Context(), beatOf(survivor.Caller))
		if err != nil || reply.Status != steps.OK || !reply.InView {
			t.Fatalf("the survivor's heartbeat: %v, error %v", reply, err)
		}
		turn := steps.Turn{Caller: survivor.Caller, Source: "src", Number: cycle, Interval: interval}
		begun, err := s.Begin(t.Context(), steps.Begin{Turn: turn})
		if err != nil || begun.Status != steps.OK || len(begun.View.Members) != 2 {
			t.Fatalf("the survivor's view: %v, error %v", begun, err)
		}
		turn.Epoch = begun.View.Epoch
		free, err := s.Unfinished(t.Context(), steps.Listed{Turn: turn, Parts: done})
		if err != nil || free.Status != steps.OK || len(free.Parts) != 0 {
			t.Fatalf("of %d done these are not: %v, error %v", len(done), free, err)
		}
		count, err := s.Coverage(t.Context(), turn)
		// One more may be done that the victim did not come to say.
		if err != nil || count.Done < len(done) {
			t.Fatalf("%d were done, the ledger says %+v, error %v", len(done), count, err)
		}
	}
}
