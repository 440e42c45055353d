package testlab

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is for servers to start, stop and find each other.
const patience = 30 * time.Second

// process is one server that may be started again.
type process struct {
	cmd    *exec.Cmd
	output *output
	ended  chan struct{} // closed when it has
}

// output collects what a process prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serverBinary is where redis-server is.
func serverBinary(t testing.TB) string {
	t.Helper()
	name := os.Getenv("REDIS_SERVER")
	if name == "" {
		name = "redis-server"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("looking for redis-server: %v; run scripts/setup.sh", err)
	}
	return path
}

// launch starts a process. Whoever does so ends it.
func launch(t testing.TB, binary string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(binary, args...), output: &output{}, ended: make(chan struct{})} //nolint:noctx // it ends by signals
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", binary, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // how it ended does not matter
	}()
	return p
}

// stop sends a signal and waits for the end.
func (p *process) stop(t testing.TB, s syscall.Signal) {
	t.Helper()
	p.signal(t, s)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		t.Errorf("stopping a server: it has not ended after %v:\n%s", patience, p.output)
	}
}

func (p *process) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("sending %v to a server: %v", s, err)
	}
}

// await asks again and again until ok. It reports whether that was so before the process ended.
func (p *process) await(t testing.TB, what string, ok func() bool) bool {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-p.ended:
			return false
		case <-deadline:
			t.Fatalf("waiting until %s: not after %v:\n%s", what, patience, p.output)
		case <-tick.C:
		}
	}
	return true
}

// freePort is one that nobody listens on. Somebody else may be faster to use it.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // asks nobody
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
