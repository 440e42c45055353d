package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const drain = 10 * time.Second

// diary notes what happened and when, in seconds of the fake clock.
type diary struct {
	mu      sync.Mutex
	started time.Time
	lines   []string
}

func newDiary() *diary { return &diary{started: time.Now()} }

func (d *diary) note(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, time.Since(d.started).String()+" "+what)
}

// stage works until it is told to stop, then takes a while to finish.
func (d *diary) stage(name string, finish time.Duration, err error) lifecycle.Stage {
	return lifecycle.Stage{Name: name, Run: func(ctx context.Context) error {
		<-ctx.Done()
		d.note(name + " told")
		<-time.After(finish)
		d.note(name + " done")
		return err
	}}
}

func (d *diary) check(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, want) {
		t.Errorf("happened:\n  %s\nwant:\n  %s", strings.Join(d.lines, "\n  "), strings.Join(want, "\n  "))
	}
}

func checkError(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("error:\n%s\nwant:\n%s", got, want)
	}
}

func TestStopsInReverseOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := lifecycle.Run(ctx, drain, d.stage("sink", 0, nil),
			d.stage("bus", 2*time.Second, context.Canceled), d.stage("source", 3*time.Second, nil))
		checkError(t, err, "")
		d.check(t, "1m0s source told", "1m3s source done",
			"1m3s bus told", "1m5s bus done", "1m5s sink told", "1m5s sink done")
	})
}

func TestFirstFailureStopsTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		broken := errors.New("connection refused")
		failing := lifecycle.Stage{Name: "bus", Run: func(context.Context) error {
			<-time.After(5 * time.Second)
			return broken
		}}
		err := lifecycle.Run(t.Context(), drain, d.stage("sink", 0, errors.New("queue not empty")),
			failing, d.stage("source", time.Second, nil))
		if !errors.Is(err, broken) {
			t.Errorf("the cause is not in %v", err)
		}
		checkError(t, err, "running bus: connection refused\nrunning sink: queue not empty")
		d.check(t, "5s source told", "6s source done", "6s sink told", "6s sink done")
	})
}

func TestCancelledByItselfIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		err := lifecycle.Run(t.Context(), drain, d.stage("sink", 0, nil),
			lifecycle.Stage{Name: "source", Run: func(context.Context) error { return context.Canceled }})
		checkError(t, err, "running source: context canceled")
	})
}

func TestStageThatDoesNotStopIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := lifecycle.Run(ctx, drain, d.stage("sink", 0, nil), d.stage("source", time.Hour, nil))
		checkError(t, err, "stopping source: still running after 10s")
		d.check(t, "1s source told", "11s sink told", "11s sink done")
		<-time.After(2 * time.Hour) // let the stuck stage end
	})
}

func TestStageThatIsDoneLeavesTheOthersRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDiary()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		done := lifecycle.Stage{Name: "migration", Run: func(context.Context) error { return nil }}
		checkError(t, lifecycle.Run(ctx, drain, done, d.stage("source", 0, nil)), "")
		d.check(t, "1m0s source told", "1m0s source done")
	})
}

func TestReturnsWhenAllAreDone(t *testing.T) {
	done := lifecycle.Stage{Name: "once", Run: func(context.Context) error { return nil }}
	checkError(t, lifecycle.Run(t.Context(), drain, done, done), "")
	checkError(t, lifecycle.Run(t.Context(), drain), "")
}

func TestStartsNothingAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := lifecycle.Run(ctx, drain, lifecycle.Stage{Name: "source", Run: func(context.Context) error {
		return errors.New("started after the end")
	}})
	checkError(t, err, "")
}

func TestStageKeepsTheValuesOfTheContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "blue")
	err := lifecycle.Run(ctx, drain, lifecycle.Stage{Name: "source", Run: func(ctx context.Context) error {
		if ctx.Value(key{}) != "blue" {
			return errors.New("value lost")
		}
		return nil
	}})
	checkError(t, err, "")
}
