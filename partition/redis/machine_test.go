package redis_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/redis"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// future is far enough ahead for Redis' own expiry to come later than that of any test.
const future = int64(4_000_000_000_000)

// machine takes the same steps on a steps.Group and in Redis.
type machine struct {
	t      *rapid.T
	tb     testing.TB
	server *testlab.Redis
	now    int64
	group  steps.Group
	store  steps.Store
	// what members have been told, by ID
	told map[string]steps.Beaten
	// what was pinned, by source and number
	pinned    map[steps.Key]partition.View
	intervals map[steps.Key]int64
}

// TestSameAsSteps takes random steps and compares every answer and all there is to see.
func TestSameAsSteps(t *testing.T) {
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	b := open(t, server.URL())
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		m := &machine{t: rt, tb: t, server: server, now: future + rapid.Int64Range(0, 5000).Draw(rt, "start"),
			store: b.Group(fmt.Sprintf("{same} %s %d", t.Name(), run)),
			told:  map[string]steps.Beaten{}, pinned: map[steps.Key]partition.View{}, intervals: map[steps.Key]int64{}}
		rt.Repeat(map[string]func(*rapid.T){
			"beat":       m.beat,
			"beat again": m.beat,
			"everybody":  m.everybody,
			"one dies":   m.oneDies,
			"restore":    m.restore,
			"leave":      m.leave,
			"begin":      m.begin,
			"claim":      m.claim,
			"settle":     m.settle,
			"work":       m.work,
			"work more":  m.work,
			"held":       m.held,
			"backfill":   m.backfill,
			"unfinished": m.unfinished,
			"post":       m.post,
			"post more":  m.post,
			"read":       m.read,
			"wait":       m.wait,
			"wait more":  m.wait,
			"set back":   m.setBack,
			"amnesia":    m.amnesia,
			"":           m.look,
		})
	})
}

func (m *machine) at() steps.Store { return redis.At(m.store, m.now) }

func (m *machine) same(what string, err error, want, got any) {
	m.t.Helper()
	if err != nil {
		m.t.Fatalf("%s: %v", what, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		m.t.Fatalf("%s at %d (-steps +redis):\n%s", what, m.now, diff)
	}
}

func (m *machine) id() string {
	return rapid.SampledFrom([]string{"a", "a", "a", "b b", "b b", "é", "B"}).Draw(m.t, "id")
}

// caller is a member, mostly with what it was told last.
func (m *machine) caller() steps.Caller {
	id := m.id()
	told := m.told[id]
	c := steps.Caller{ID: id, Incarnation: told.Incarnation, Era: told.Era}
	switch rapid.IntRange(0, 30).Draw(m.t, "odd caller") {
	case 1:
		c.Incarnation = max(0, c.Incarnation-1)
	case 2:
		c.Incarnation++
	case 3:
		c.Era++
	}
	return c
}

func (m *machine) beat(*rapid.T) { m.beats(m.caller()) }

func (m *machine) everybody(*rapid.T) {
	for _, id := range slices.Sorted(maps.Keys(m.told)) {
		m.beats(steps.Caller{ID: id, Incarnation: m.told[id].Incarnation, Era: m.told[id].Era})
	}
}

// oneDies lets all others beat until the lease of one is over.
func (m *machine) oneDies(*rapid.T) {
	dead := m.id()
	for range 4 {
		m.now += 4100
		for _, id := range slices.Sorted(maps.Keys(m.told)) {
			if id != dead {
				m.beats(steps.Caller{ID: id, Incarnation: m.told[id].Incarnation, Era: m.told[id].Era})
			}
		}
	}
}

func (m *machine) beats(c steps.Caller) {
	b := steps.Beat{Caller: c, Weight: 1, Address: "http://" + c.ID, Settings: "p=8", Epoch: m.told[c.ID].Epoch,
		TTL: 15001 * time.Millisecond, Settle: 5 * time.Second, SettleMost: 12 * time.Second}
	switch rapid.IntRange(0, 40).Draw(m.t, "odd beat") {
	case 1:
		b.Incarnation = 0
	case 2:
		b.Weight = 2
	case 3:
		b.Address = ""
	case 4:
		b.Settings = "p=16"
	case 5:
		b.Epoch += 3
	case 6:
		b.Epoch = 0
	case 7:
		b.Settle = 0
	case 8:
		b.TTL = 4 * time.Second
	}
	want := m.group.Beat(m.now, b)
	got, err := m.at().Beat(m.tb.Context(), b)
	m.same("beat", err, want, got)
	if got.Status == steps.OK {
		m.told[b.ID] = got
	}
}

func (m *machine) restore(*rapid.T) {
	v := m.group.View
	r := steps.Restore{Caller: m.caller(), Settings: "p=8", TTL: 15 * time.Second,
		View: partition.View{Epoch: v.Epoch + rapid.Uint64Range(0, 2).Draw(m.t, "ahead"), Members: slices.Clone(v.Members)}}
	for _, id := range []string{"a", "stranger"} {
		if rapid.Bool().Draw(m.t, id) {
			r.View = view(r.View.Epoch, append(r.View.Members, partition.Member{ID: id, Weight: 3, Address: "x\\y"})...)
		}
	}
	m.group.Restore(m.now, r)
	m.same("restore", m.at().Restore(m.tb.Context(), r), nil, nil)
}

// amnesia is a server that has lost its data.
func (m *machine) amnesia(*rapid.T) {
	if rapid.IntRange(0, 9).Draw(m.t, "lost") != 0 {
		return
	}
	m.group = steps.Group{}
	m.server.Do(m.tb, "FLUSHALL")
}

func (m *machine) leave(*rapid.T) {
	c := m.caller()
	m.group.Leave(m.now, c)
	m.same("leave", m.at().Leave(m.tb.Context(), c), nil, nil)
}

// wait lets time pass, often until just before or just when something changes.
func (m *machine) wait(*rapid.T) {
	if rapid.Bool().Draw(m.t, "a while") {
		m.now += rapid.SampledFrom([]int64{1, 999, 4000, 5000, 8000, 40000}).Draw(m.t, "wait")
		return
	}
	edges := []int64{m.group.Grace, m.group.LastJoin + 5000, m.group.FirstJoin + 12000}
	for _, member := range m.group.Members {
		edges = append(edges, member.Deadline)
	}
	for key, c := range m.group.Cycles {
		start := c.Expires - 3*m.intervals[key]
		edges = append(edges, start-1000, start+m.intervals[key]*85/100, start+m.intervals[key], c.Expires)
	}
	slices.Sort(edges)
	edges = slices.DeleteFunc(edges, func(edge int64) bool { return edge <= m.now })
	if len(edges) > 0 {
		m.now = max(m.now, rapid.SampledFrom(edges).Draw(m.t, "edge")-rapid.Int64Range(0, 1).Draw(m.t, "just before"))
		t := m.turnOf(false) // without a heartbeat, which would change what the edge is of
		m.claims(t, []int{0, 1, 2, 3})
		m.settles(t)
	}
}

// setBack sets the clock back. What Redis would have expired by its own clock is gone.
func (m *machine) setBack(*rapid.T) {
	if rapid.IntRange(0, 3).Draw(m.t, "set") != 0 {
		return
	}
	m.now -= rapid.SampledFrom([]int64{1, 7500, 7501, 15001, 15002, 600_000}).Draw(m.t, "back")
	m.group.Cycles, m.group.Posts = nil, nil
	m.server.Do(m.tb, "EVAL", "for _, key in ipairs(redis.call('KEYS', '*:[cb]:*')) do redis.call('DEL', key) end return 0", "0")
}

// turn is a cycle that is on now and that the caller has begun, mostly.
func (m *machine) turn() steps.Turn { return m.turnOf(rapid.IntRange(0, 7).Draw(m.t, "prepared") > 0) }

func (m *machine) turnOf(prepared bool) steps.Turn {
	c := m.caller()
	if prepared && c == (steps.Caller{ID: c.ID, Incarnation: m.told[c.ID].Incarnation, Era: m.told[c.ID].Era}) {
		m.beats(c)
		c.Incarnation, c.Era = m.told[c.ID].Incarnation, m.told[c.ID].Era
	}
	t := steps.Turn{Caller: c, Source: rapid.SampledFrom([]string{"s", "s", "s", "t:1"}).Draw(m.t, "source")}
	t.Interval = 30000
	if t.Source != "s" {
		t.Interval = rapid.SampledFrom([]int64{10007, 10007, 20014}).Draw(m.t, "interval")
	}
	t.Number = m.now/t.Interval - rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 0, 1, 2, 3, -1}).Draw(m.t, "back")
	m.intervals[steps.Key{Source: t.Source, Number: t.Number}] = t.Interval
	if prepared {
		b := steps.Begin{Turn: t}
		if rapid.IntRange(0, 3).Draw(m.t, "again") == 0 {
			b.Known = &m.group.View
		}
		m.begins(b)
	}
	t.Epoch = m.pinned[steps.Key{Source: t.Source, Number: t.Number}].Epoch
	if rapid.IntRange(0, 15).Draw(m.t, "odd epoch") == 1 {
		t.Epoch++
	}
	return t
}

func (m *machine) parts(name string) []int {
	return rapid.SliceOfN(rapid.IntRange(0, 4), 0, 6).Draw(m.t, name)
}

func (m *machine) begin(*rapid.T) {
	b := steps.Begin{Turn: m.turn(), Expected: rapid.IntRange(0, 9).Draw(m.t, "expected")}
	if known := m.pinned[steps.Key{Source: b.Source, Number: b.Number}]; rapid.Bool().Draw(m.t, "known") {
		b.Known = &known
	}
	m.begins(b)
}

func (m *machine) begins(b steps.Begin) {
	want := m.group.Begin(m.now, b)
	got, err := m.at().Begin(m.tb.Context(), b)
	m.same("begin", err, want, got)
	if got.Status == steps.OK {
		m.pinned[steps.Key{Source: b.Source, Number: b.Number}] = got.View
	}
}

func (m *machine) claim(*rapid.T) { m.claims(m.turn(), m.parts("parts")) }

func (m *machine) claims(t steps.Turn, parts []int) {
	c := steps.Claim{Turn: t, Parts: parts, Reason: rapid.SampledFrom(
		[]partition.Reason{partition.Own, partition.Own, partition.Rescue, partition.Steal}).Draw(m.t, "reason")}
	want := m.group.Claim(m.now, c)
	got, err := m.at().Claim(m.tb.Context(), c)
	m.same("claim", err, want, got)
}

func (m *machine) settle(*rapid.T) { m.settles(m.turn()) }

func (m *machine) settles(t steps.Turn) {
	s := steps.Settle{Turn: t, Done: m.parts("done"), Release: m.parts("release")}
	want := m.group.Settle(m.now, s)
	got, err := m.at().Settle(m.tb.Context(), s)
	m.same("settle", err, want, got)
}

// work claims and settles as the same member.
func (m *machine) work(*rapid.T) {
	t := m.turn()
	for range rapid.IntRange(1, 3).Draw(m.t, "rounds") {
		m.claims(t, []int{0, 1, 2, 3, 4})
		m.settles(t)
	}
	m.settles(t)
	m.holds(t, []int{0, 1, 2, 3, 4})
}

func (m *machine) held(*rapid.T) { m.holds(m.turn(), m.parts("parts")) }

func (m *machine) holds(t steps.Turn, parts []int) {
	l := steps.Listed{Turn: t, Parts: parts}
	want := m.group.Held(m.now, l)
	got, err := m.at().Held(m.tb.Context(), l)
	m.same("held", err, want, got)
}

func (m *machine) unfinished(*rapid.T) {
	l := steps.Listed{Turn: m.turn(), Parts: m.parts("parts")}
	want := m.group.Unfinished(m.now, l)
	got, err := m.at().Unfinished(m.tb.Context(), l)
	m.same("unfinished", err, want, got)
}

func (m *machine) backfill(*rapid.T) {
	b := steps.Backfill{Turn: m.turnOf(rapid.Bool().Draw(m.t, "backfill prepared")), Done: m.parts("done"), Held: m.parts("held")}
	b.View = m.pinned[steps.Key{Source: b.Source, Number: b.Number}]
	want := m.group.Backfill(m.now, b)
	got, err := m.at().Backfill(m.tb.Context(), b)
	m.same("backfill", err, want, got)
}

func (m *machine) post(*rapid.T) {
	key := rapid.SampledFrom([]string{"k", "l{}"}).Draw(m.t, "key")
	p := partition.Post{Version: rapid.SampledFrom([]int64{-5, -4, 1 << 62, 1<<62 + 1}).Draw(m.t, "version"),
		Data: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(m.t, "data")}
	keep := rapid.Int64Range(1, 9000).Draw(m.t, "keep")
	m.group.Post(m.now, key, p, keep)
	m.same("post", m.at().Post(m.tb.Context(), key, p, time.Duration(keep)*time.Millisecond), nil, nil)
}

func (m *machine) read(*rapid.T) {
	key := rapid.SampledFrom([]string{"k", "l{}"}).Draw(m.t, "key")
	want, found := m.group.Read(m.now, key)
	got, err := m.at().Read(m.tb.Context(), key)
	if !found && errors.Is(err, partition.ErrNoPost) {
		return
	}
	m.same("read", err, want, got)
}

// look compares all there is to see after every step.
func (m *machine) look(*rapid.T) {
	want := m.group.Look(m.now)
	got, err := m.at().Look(m.tb.Context())
	m.same("look", err, want, got)
	for key := range m.group.Cycles {
		t := steps.Turn{Source: key.Source, Number: key.Number, Interval: m.intervals[key]}
		want := m.group.Coverage(m.now, t)
		got, err := m.at().Coverage(m.tb.Context(), t)
		m.same("coverage", err, want, got)
	}
}

func view(epoch uint64, members ...partition.Member) partition.View {
	v, err := partition.NewView(epoch, members...)
	if err != nil {
		panic(err)
	}
	return v
}
