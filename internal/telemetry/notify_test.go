package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

// manager stands in for systemd: a datagram socket.
func manager(t *testing.T, name string) (read func() string) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func() string {
		t.Helper()
		buf := make([]byte, 1<<16)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
}

func notifier(t *testing.T) *telemetry.Notifier {
	t.Helper()
	n, err := telemetry.NewNotifier()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNotify(t *testing.T) {
	for name, socket := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": "@ringmeter-test-" + strconv.Itoa(os.Getpid()),
	} {
		t.Run(name, func(t *testing.T) {
			read := manager(t, socket)
			n := notifier(t)
			for want, send := range map[string]func() error{
				`READY=1`: n.Ready, `STOPPING=1`: n.Stopping, `RELOADING=1\nMONOTONIC_USEC=\d+`: n.Reloading,
				`STATUS=12 meters READY=0`: func() error { return n.Status("12 meters\nREADY=0\n") },
			} {
				if err := send(); err != nil {
					t.Fatal(err)
				}
				if got := read(); !regexp.MustCompile("^" + want + "$").MatchString(got) {
					t.Errorf("told %q, want %q", got, want)
				}
			}
		})
	}
}

func TestNotifyWithoutManager(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	n := notifier(t)
	if err := errors.Join(n.Ready(), n.Reloading(), n.Stopping(), n.Status("x")); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.Run(ctx, func() error { return nil }, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

func TestNotifyErrors(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	if err := notifier(t).Ready(); err == nil || !strings.HasPrefix(err.Error(), "notifying systemd: ") {
		t.Errorf("error %v", err)
	}
	for _, usec := range []string{"x", "0", "-5", "99999999999999999999", "9223372036854775807"} {
		t.Setenv("WATCHDOG_USEC", usec)
		if _, err := telemetry.NewNotifier(); err == nil || !strings.Contains(err.Error(), "WATCHDOG_USEC") {
			t.Errorf("%q: error %v", usec, err)
		}
	}
	t.Setenv("NOTIFY_SOCKET", "vsock:2:1234")
	if _, err := telemetry.NewNotifier(); err == nil || !strings.Contains(err.Error(), "NOTIFY_SOCKET") {
		t.Errorf("error %v", err)
	}
}

func TestWatchdog(t *testing.T) {
	read := manager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	n := notifier(t)
	ctx, cancel := context.WithCancel(t.Context())
	var (
		log   bytes.Buffer
		asked atomic.Int32
	)
	// Not alive from the second to the fourth time it is asked: told again from the fifth on.
	alive := func() error {
		if i := asked.Add(1); i > 1 && i < 5 {
			return errors.New("schedule: no progress for 2 min")
		}
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, alive, telemetry.NewLogger(&log, "text", slog.LevelInfo)) }()
	for range 3 {
		if got := read(); got != "WATCHDOG=1" {
			t.Errorf("told %q", got)
		}
	}
	if asked.Load() < 6 {
		t.Errorf("fed while not alive: asked %d times", asked.Load())
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if strings.Count(log.String(), "watchdog not fed") != 1 {
		t.Errorf("log: %s", log.String())
	}
}

func TestWatchdogOfAnotherProcess(t *testing.T) {
	manager(t, filepath.Join(t.TempDir(), "notify"))
	t.Setenv("WATCHDOG_USEC", "2000")
	t.Setenv("WATCHDOG_PID", "1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked := func() error { t.Error("fed the watchdog of another process"); return nil }
	if err := notifier(t).Run(ctx, asked, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}
