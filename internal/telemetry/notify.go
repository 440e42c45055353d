package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// notifyTimeout bounds a write to a service manager that does not read.
const notifyTimeout = time.Second

// Notifier tells systemd how the daemon is doing (sd_notify). Without NOTIFY_SOCKET, that
// is when the daemon was not started as a Type=notify service, every method does nothing.
type Notifier struct {
	addr     *net.UnixAddr // nil: nobody to tell
	watchdog time.Duration // 0: no watchdog
}

// NewNotifier reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from the environment.
func NewNotifier() (*Notifier, error) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return &Notifier{}, nil
	}
	if name[0] != '/' && name[0] != '@' { // "@" is the abstract namespace, to Go as to systemd
		return nil, fmt.Errorf("reading NOTIFY_SOCKET: %q is neither a path nor an abstract socket", name)
	}
	n := &Notifier{addr: &net.UnixAddr{Name: name, Net: "unixgram"}}
	usec := os.Getenv("WATCHDOG_USEC")
	if pid := os.Getenv("WATCHDOG_PID"); usec == "" || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return n, nil
	}
	us, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || us <= 0 || us > int64(1<<63-1)/int64(time.Microsecond) {
		return nil, fmt.Errorf("reading WATCHDOG_USEC: %q is not a number of microseconds", usec)
	}
	n.watchdog = time.Duration(us) * time.Microsecond
	return n, nil
}

// Ready says that the daemon has started, or has finished a reload.
func (n *Notifier) Ready() error { return n.send("READY=1") }

// Reloading says that a reload begins; Ready ends it.
func (n *Notifier) Reloading() error {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return fmt.Errorf("reading the monotonic clock: %w", err)
	}
	return n.send("RELOADING=1\nMONOTONIC_USEC=" + strconv.FormatInt(now.Nano()/1000, 10))
}

// Stopping says that the daemon has begun to shut down.
func (n *Notifier) Stopping() error { return n.send("STOPPING=1") }

// Status sets the line that systemctl status shows.
func (n *Notifier) Status(text string) error {
	return n.send("STATUS=" + strings.Join(strings.FieldsFunc(text, isBreak), " "))
}

// isBreak keeps a status from adding variables of its own.
func isBreak(r rune) bool { return r == '\n' || r == '\r' || r == 0 }

// Run feeds the watchdog until ctx ends, at half of its time-out, while alive returns nil;
// systemd then restarts a daemon that is stuck. Without a watchdog it only waits.
func (n *Notifier) Run(ctx context.Context, alive func() error, log *slog.Logger) error {
	if n.watchdog == 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(max(n.watchdog/2, time.Microsecond))
	defer tick.Stop()
	for stuck := false; ; {
		err := alive()
		if err == nil {
			err = n.send("WATCHDOG=1")
		}
		if err != nil && !stuck {
			log.Error("watchdog not fed", "err", err)
		}
		stuck = err != nil
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// send dials each time: the service manager may have been replaced since.
func (n *Notifier) send(state string) error {
	if n.addr == nil {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, n.addr)
	if err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	defer conn.Close()
	if err := conn.SetWriteDeadline(time.Now().Add(notifyTimeout)); err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("notifying systemd: %w", err)
	}
	return nil
}
