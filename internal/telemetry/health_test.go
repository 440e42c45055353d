package telemetry_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

func checkReady(t *testing.T, h *telemetry.Health, want ...string) {
	t.Helper()
	ready, reasons := h.Ready()
	if ready != (len(want) == 0) || !slices.Equal(reasons, want) {
		t.Errorf("ready %v %q, want %q", ready, reasons, want)
	}
}

func TestReady(t *testing.T) {
	checkReady(t, &telemetry.Health{})
	h := telemetry.NewHealth("spool", "bus")
	checkReady(t, h, "bus: starting", "spool: starting")
	h.Set("bus", nil)
	h.Set("config", errors.New("line 3: no such key"))
	checkReady(t, h, "config: line 3: no such key", "spool: starting")
	h.Set("spool", nil)
	h.Set("config", nil)
	checkReady(t, h)
}

func TestAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &telemetry.Health{}
		beat, end := h.Watch("schedule", time.Minute)
		_, endOther := h.Watch("cycle", 3*time.Minute)
		check := func(want string) {
			t.Helper()
			got := ""
			if err := h.Alive(); err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("alive %q, want %q", got, want)
			}
		}
		check("")
		<-time.After(time.Minute)
		check("")
		<-time.After(time.Second)
		check("schedule: no progress for 1 min 1 s")
		beat()
		check("")
		<-time.After(2 * time.Minute)
		check("cycle: no progress for 3 min 1 s\nschedule: no progress for 2 min")
		endOther()
		check("schedule: no progress for 2 min")
		h.Watch("schedule", time.Hour) // a reload: the new loop has the name, the old one ends later
		end()
		check("")
		<-time.After(2 * time.Hour)
		check("schedule: no progress for 2 h")
	})
}

func TestJudge(t *testing.T) {
	h := telemetry.NewHealth("bus")
	h.Set("bus", nil)
	var reason error
	h.Judge("coordination", func() error { return reason })
	if ok, reasons := h.Ready(); !ok {
		t.Errorf("not ready because of %q", reasons)
	}
	reason = errors.New("not joined")
	if ok, reasons := h.Ready(); ok || len(reasons) != 1 || reasons[0] != "coordination: not joined" {
		t.Errorf("ready %t, reasons %q", ok, reasons)
	}
	reason = nil
	if ok, reasons := h.Ready(); !ok {
		t.Errorf("still not ready: %q", reasons)
	}
}
