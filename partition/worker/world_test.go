package worker_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	ttl      = 15 * time.Second
	interval = time.Minute
	divided  = 31 // partitions
)

func settings() partition.Settings {
	s := partition.DefaultSettings()
	s.Partitions = divided
	return s
}

// world is a server and the members that meet there. It lives in a bubble of synctest.
type world struct {
	*testing.T
	server *server

	mu      sync.Mutex
	members map[string]*member
}

// member is a membership with its link.
type member struct {
	partition.Membership
	id   string
	link *link
	mute atomic.Bool // does not answer other members
}

// inWorld runs a test in a bubble, where all members leave at the end.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(&world{T: t, server: &server{}, members: map[string]*member{}})
	})
}

// pass lets time pass, and what is due at its end be done.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// config is one with joins that do not wait.
func (w *world) config() worker.Config {
	return worker.Config{Settings: settings(), Settle: -1, Ask: w.ask}
}

func (w *world) join(id string) *member {
	w.Helper()
	m, err := w.joinWith(w.config(), id)
	if err != nil {
		w.Fatal(err)
	}
	return m
}

// drained joins a member that owns nothing, so that another owns all.
func (w *world) drained(id string) *member {
	w.Helper()
	m, err := w.joinAs(w.config(), partition.Member{ID: id, Address: "http://" + id})
	if err != nil {
		w.Fatal(err)
	}
	return m
}

func (w *world) joinWith(c worker.Config, id string) (*member, error) {
	w.Helper()
	return w.joinAs(c, partition.Member{ID: id, Weight: 1, Address: "http://" + id})
}

func (w *world) joinAs(c worker.Config, as partition.Member) (*member, error) {
	w.Helper()
	id := as.ID
	l := &link{server: w.server, who: id}
	coordinator, err := worker.New(l, c)
	if err != nil {
		w.Fatal(err)
	}
	joined, err := coordinator.Join(w.Context(), "g", as)
	if err != nil {
		return nil, err
	}
	m := &member{Membership: joined, id: id, link: l}
	w.mu.Lock()
	w.members[id] = m
	w.mu.Unlock()
	w.Cleanup(func() {
		l.set(fault{})
		if err := m.Leave(context.Background()); err != nil {
			w.Errorf("%s leaving: %v", id, err)
		}
	})
	return m, nil
}

// trio joins a, b and c, and waits until they know of each other.
func (w *world) trio() (a, b, c *member) {
	w.Helper()
	a, b, c = w.join("a"), w.join("b"), w.join("c")
	pass(ttl / 5)
	for _, m := range []*member{a, b, c} {
		w.wantView(m, "a", "b", "c")
	}
	return a, b, c
}

// ask is how members ask each other.
func (w *world) ask(_ context.Context, _ string, addresses []string) (answers worker.Answers) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, address := range addresses {
		m := w.members[strings.TrimPrefix(address, "http://")]
		if m == nil || m.mute.Load() || m.link.frozen() {
			continue
		}
		s := m.State()
		if s.Mode >= partition.Replaced {
			continue
		}
		answers.Answered++
		if s.Mode == partition.Linked {
			answers.Linked++
		}
		answers.Epoch = max(answers.Epoch, m.Ring().View().Epoch)
	}
	return answers
}

func (w *world) all(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.members {
		m.link.set(f)
	}
}

func freeze() fault { return fault{freeze: make(chan struct{})} }

// cycle is the one that the group is in.
func (m *member) cycle() partition.Cycle {
	return partition.Cycle{Source: "s", Number: m.Now().UnixNano() / int64(interval), Interval: interval, Expected: divided}
}

// reach waits for a place in the next cycle; 0 is its start.
func (w *world) reach(m *member, phase time.Duration) {
	c := m.cycle()
	c.Number++
	pass(c.Start().Add(phase).Sub(m.Now()))
}

func (w *world) open(m *member) partition.Ledger {
	w.Helper()
	l, err := m.Cycle(w.Context(), m.cycle())
	if err != nil {
		w.Fatalf("%s opening a cycle: %v", m.id, err)
	}
	return l
}

// wantClaims claims and checks what is granted.
func (w *world) wantClaims(l partition.Ledger, why partition.Reason, parts []int, want []int) []partition.Claim {
	w.Helper()
	cs, err := l.Claim(w.Context(), why, parts...)
	if err != nil {
		w.Fatalf("claiming %v: %v", parts, err)
	}
	var got []int
	for _, c := range cs {
		got = append(got, c.Partition)
	}
	if !slices.Equal(got, want) {
		w.Fatalf("granted %v of %v, want %v", got, parts, want)
	}
	return cs
}

func (w *world) wantView(m *member, ids ...string) {
	w.Helper()
	var got []string
	for _, o := range m.Ring().View().Members {
		got = append(got, o.ID)
	}
	if !slices.Equal(got, ids) {
		w.Fatalf("%s sees members %v, want %v", m.id, got, ids)
	}
}

func (w *world) wantMode(m *member, want partition.Mode) {
	w.Helper()
	if s := m.State(); s.Mode != want {
		w.Fatalf("%s is %v because %q, want %v", m.id, s.Mode, s.Reason, want)
	}
}

// took runs f and returns how long it took.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
