package worker_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func named(calls []call, name string) []call {
	return slices.DeleteFunc(calls, func(c call) bool { return c.name != name })
}

func TestBeatsFiveTimesALease(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		pass(time.Second)
		from := time.Now()
		pass(ttl)
		beats := named(w.server.since(from, "a"), "beat")
		if len(beats) < 5 || len(beats) > 6 {
			t.Errorf("%d heartbeats in a lease, want 5 or 6", len(beats))
		}
		for i := 1; i < len(beats); i++ {
			if pause := beats[i].at.Sub(beats[i-1].at); pause > ttl/5 {
				t.Errorf("%v between heartbeats, want at most %v", pause, ttl/5)
			}
		}
		w.wantMode(m, partition.Linked)
	})
}

// TestBeatsDoNotWaitForLedgers: a request that hangs must not cost the lease.
func TestBeatsDoNotWaitForLedgers(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		l := w.open(m)
		ended := make(chan struct{})
		m.link.set(fault{stall: func(name string) bool { return name == "claim" }, answers: make(chan struct{})})
		go func() {
			defer close(ended)
			_, _ = l.Claim(w.Context(), partition.Own, 1)
		}()
		pass(2 * ttl)
		w.wantMode(m, partition.Linked)
		if age := time.Since(m.State().Beat); age > ttl/5 {
			t.Errorf("the last heartbeat was %v ago", age)
		}
		m.link.set(fault{})
		<-ended
	})
}

func TestSweptMemberIsBackWithItsNextBeat(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b := w.join("a"), w.join("b")
		pass(ttl)
		a.link.set(freeze())
		pass(ttl + 2*ttl/5)
		w.wantView(b, "b")
		a.link.set(fault{})
		pass(time.Second + ttl/5)
		w.wantMode(a, partition.Linked)
		w.wantView(a, "a", "b")
		w.wantView(b, "a", "b")
	})
}

func TestDeathIsNoticedAfterTheLease(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		last := a.State().Beat
		a.link.set(freeze())
		for _, m := range []*member{b, c} {
			for len(m.Ring().View().Members) == 3 {
				<-m.Changed()
			}
			if after := time.Since(last); after < ttl || after > ttl+2*ttl/5 {
				t.Errorf("%s has noticed after %v, want %v to %v", m.id, after, ttl, ttl+2*ttl/5)
			}
			w.wantView(m, "b", "c")
		}
	})
}

func TestLeavingIsSeenWithTheNextBeat(t *testing.T) {
	inWorld(t, func(w *world) {
		a, b, c := w.trio()
		if err := a.Leave(w.Context()); err != nil {
			t.Fatal(err)
		}
		pass(ttl / 5)
		w.wantView(b, "b", "c")
		w.wantView(c, "b", "c")
	})
}

func TestJoinsWaitForOthers(t *testing.T) {
	for _, c := range []struct {
		name  string
		every time.Duration // a join
		after time.Duration // the first join is in the view
	}{
		{"one", 0, 5 * time.Second},
		{"a few", 2 * time.Second, 11 * time.Second}, // the last one comes after 6 s
		{"a storm", 4 * time.Second, 30 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				config := w.config()
				config.Settle = 0 // the default
				join := func(id string) *member {
					m, err := w.joinWith(config, id)
					if err != nil {
						t.Fatal(err)
					}
					return m
				}
				start := time.Now()
				first := join("a")
				w.wantMode(first, partition.Joining)
				if c.every > 0 {
					ended := make(chan struct{})
					defer func() { <-ended }()
					most := 3
					if c.every > 2*time.Second {
						most = 12
					}
					go func() {
						defer close(ended)
						for i := range most {
							pass(c.every)
							join(fmt.Sprintf("b%d", i))
						}
					}()
				}
				for first.State().Mode != partition.Linked {
					<-first.Changed()
				}
				if after := time.Since(start); after < c.after || after > c.after+time.Second {
					t.Errorf("in the view after %v, want %v", after, c.after)
				}
			})
		})
	}
}

func TestNewerProcessReplaces(t *testing.T) {
	inWorld(t, func(w *world) {
		older := w.join("a")
		l := w.open(older)
		newer := w.join("a")
		pass(ttl / 5)
		w.wantMode(older, partition.Replaced)
		w.wantMode(newer, partition.Linked)
		if _, err := l.Claim(w.Context(), partition.Own, 1); !errors.Is(err, partition.ErrReplaced) {
			t.Errorf("error %v, want ErrReplaced", err)
		}
		from := time.Now()
		pass(ttl)
		w.wantMode(newer, partition.Linked)
		if err := older.Leave(w.Context()); err != nil {
			t.Error(err)
		}
		if n, most := len(w.server.since(from, "a")), 7; n > most {
			t.Errorf("%d calls in a lease, want at most the %d of one process", n, most)
		}
		w.wantMode(older, partition.Replaced)
	})
}

// TestReplacedWhileAway: who was cut off and is back must not disturb the newer process.
func TestReplacedWhileAway(t *testing.T) {
	inWorld(t, func(w *world) {
		older := w.join("a")
		l := w.open(older)
		older.link.set(fault{refuse: true})
		pass(2 * time.Second)
		mine := w.wantClaims(l, partition.Own, []int{1, 2}, []int{1, 2})
		newer := w.join("a")
		w.wantClaims(w.open(newer), partition.Own, []int{1}, []int{1})
		older.link.set(fault{})
		pass(2 * time.Second)
		w.wantMode(older, partition.Replaced)
		w.wantMode(newer, partition.Linked)
		if err := l.Check(w.Context(), mine...); !errors.Is(err, partition.ErrReplaced) {
			t.Errorf("checking: error %v, want ErrReplaced", err)
		}
	})
}

func TestMismatchLater(t *testing.T) {
	inWorld(t, func(w *world) {
		m := w.join("a")
		w.server.forget()
		other := w.config()
		other.Settings.Partitions++
		stranger, err := w.joinWith(other, "b")
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.joinWith(w.config(), "c")
		if _, ok := errors.AsType[*partition.MismatchError](err); !ok {
			t.Errorf("joining: error %v, want a MismatchError", err)
		}
		pass(ttl / 5)
		w.wantMode(m, partition.Fenced)
		if want := "partitions is 32 there and 31 here"; !strings.Contains(m.State().Reason, want) {
			t.Errorf("reason %q, want %q in it", m.State().Reason, want)
		}
		if err := stranger.Leave(w.Context()); err != nil {
			t.Fatal(err)
		}
		pass(3 * ttl)
		w.wantMode(m, partition.Linked)
	})
}

// TestClocksOfGroupAndHost: cycles are numbered by the group's clock.
func TestClocksOfGroupAndHost(t *testing.T) {
	for _, offset := range []time.Duration{-time.Hour, 90 * time.Second} {
		t.Run(offset.String(), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.server.offset = offset
				m := w.join("a")
				check := func() {
					t.Helper()
					if off := m.Now().Sub(time.Now().Add(w.server.offset)).Abs(); off > time.Second {
						t.Errorf("the group's clock is %v wrong", off)
					}
					if off := (m.State().Skew - w.server.offset).Abs(); off > time.Second {
						t.Errorf("skew is %v, want %v", m.State().Skew, w.server.offset)
					}
				}
				check()
				w.wantClaims(w.open(m), partition.Own, []int{1}, []int{1})
				wrong := m.cycle()
				wrong.Number = time.Now().UnixNano() / int64(interval) // by the local clock
				_, err := m.Cycle(w.Context(), wrong)
				want := partition.ErrClock
				if offset > 0 {
					want = nil // not over for long enough
				}
				if !errors.Is(err, want) {
					t.Errorf("by the local clock: error %v, want %v", err, want)
				}
				m.link.set(fault{delay: 500 * time.Millisecond})
				pass(ttl)
				check()
				w.server.change(func(*steps.Group) { w.server.offset += 10 * time.Minute }) // another server took over
				pass(ttl / 5)
				m.link.set(fault{})
				pass(ttl / 5)
				check()
			})
		})
	}
}

func TestDefaults(t *testing.T) {
	if _, err := worker.New(&link{}, worker.Config{}); err == nil {
		t.Error("settings without partitions were taken")
	}
}
