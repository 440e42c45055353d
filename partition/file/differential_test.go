package file_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

const (
	interval = int64(60_000)
	base     = 28_000_000 * interval
	ttl      = 15 * time.Second
)

// pair is the same group twice: in memory and in a directory.
type pair struct {
	t       *rapid.T
	now     int64
	group   steps.Group
	store   steps.Store
	callers []steps.Caller // of all processes, as they know themselves
	view    partition.View // the newest that anybody knows
}

func newPair(t *rapid.T, dir string) *pair {
	b := openQuietly(t, dir)
	p := &pair{t: t, now: base, store: b.Group("the group")}
	b.SetClock(func() time.Time { return time.UnixMilli(p.now) })
	return p
}

// equal compares the answers of the two.
func (p *pair) equal(want, got any, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		p.t.Fatalf("(-memory +directory):\n%s", diff)
	}
}

// caller is a process, mostly one that has joined.
func (p *pair) caller() *steps.Caller {
	if len(p.callers) == 0 || rapid.IntRange(0, 9).Draw(p.t, "new") == 0 {
		p.callers = append(p.callers, steps.Caller{ID: rapid.SampledFrom([]string{"a", "b/../c", ".", strings.Repeat("long", 80)}).Draw(p.t, "id")})
		return &p.callers[len(p.callers)-1]
	}
	return &p.callers[rapid.IntRange(0, len(p.callers)-1).Draw(p.t, "caller")]
}

func (p *pair) turn() steps.Turn {
	return steps.Turn{Caller: *p.caller(), Interval: interval,
		Source: rapid.SampledFrom([]string{"src", "other/source"}).Draw(p.t, "source"),
		Number: base/interval + rapid.Int64Range(-3, 5).Draw(p.t, "number"),
		Epoch:  rapid.SampledFrom([]uint64{p.view.Epoch, p.view.Epoch, 1, 0}).Draw(p.t, "epoch")}
}

func (p *pair) parts(name string) []int {
	return rapid.SliceOfN(rapid.IntRange(0, 6), 0, 5).Draw(p.t, name)
}

func (p *pair) wait(*rapid.T) {
	p.now += rapid.SampledFrom([]int64{1, 999, 3000, 5000, 8000, 16_000, 31_000}).Draw(p.t, "wait")
}

func (p *pair) beat(*rapid.T) {
	c := p.caller()
	b := steps.Beat{Caller: *c, TTL: ttl, Settle: 2 * time.Second, SettleMost: 5 * time.Second,
		Weight:   rapid.SampledFrom([]int{1, 1, 1, 0}).Draw(p.t, "weight"),
		Address:  rapid.SampledFrom([]string{"", "", "http://[::1]:1/<&>"}).Draw(p.t, "address"),
		Settings: rapid.SampledFrom([]string{"s", "s", "s", "s", "x"}).Draw(p.t, "settings"),
		Epoch:    rapid.SampledFrom([]uint64{p.view.Epoch, p.view.Epoch, 0, p.view.Epoch + 1}).Draw(p.t, "epoch")}
	want := p.group.Beat(p.now, b)
	got, err := p.store.Beat(p.t.Context(), b)
	p.equal(want, got, err)
	if want.Status == steps.OK {
		c.Incarnation, c.Era, p.view = want.Incarnation, want.Era, p.group.View
	}
}

func (p *pair) restore(*rapid.T) {
	r := steps.Restore{Caller: *p.caller(), Settings: "s", TTL: ttl, View: p.view}
	r.View.Epoch += rapid.SampledFrom([]uint64{0, 0, 0, 3}).Draw(p.t, "ahead")
	p.group.Restore(p.now, r)
	p.equal(nil, nil, p.store.Restore(p.t.Context(), r))
}

func (p *pair) leave(*rapid.T) {
	c := *p.caller()
	p.group.Leave(p.now, c)
	p.equal(nil, nil, p.store.Leave(p.t.Context(), c))
}

func (p *pair) begin(*rapid.T) {
	b := steps.Begin{Turn: p.turn(), Expected: rapid.IntRange(0, 5).Draw(p.t, "expected")}
	if rapid.IntRange(0, 4).Draw(p.t, "known") == 0 {
		b.Known = &p.view
	}
	want := p.group.Begin(p.now, b)
	got, err := p.store.Begin(p.t.Context(), b)
	p.equal(want, got, err)
}

func (p *pair) claim(*rapid.T) {
	r := steps.Claim{Turn: p.turn(), Parts: p.parts("parts"),
		Reason: rapid.SampledFrom([]partition.Reason{partition.Own, partition.Rescue, partition.Steal}).Draw(p.t, "reason")}
	want := p.group.Claim(p.now, r)
	got, err := p.store.Claim(p.t.Context(), r)
	p.equal(want, got, err)
}

func (p *pair) settle(*rapid.T) {
	r := steps.Settle{Turn: p.turn(), Done: p.parts("done"), Release: p.parts("release")}
	want := p.group.Settle(p.now, r)
	got, err := p.store.Settle(p.t.Context(), r)
	p.equal(want, got, err)
}

func (p *pair) ask(*rapid.T) {
	r := steps.Listed{Turn: p.turn(), Parts: p.parts("parts")}
	want := p.group.Held(p.now, r)
	got, err := p.store.Held(p.t.Context(), r)
	p.equal(want, got, err)
	want = p.group.Unfinished(p.now, r)
	got, err = p.store.Unfinished(p.t.Context(), r)
	p.equal(want, got, err)
	count, err := p.store.Coverage(p.t.Context(), r.Turn)
	p.equal(p.group.Coverage(p.now, r.Turn), count, err)
}

func (p *pair) backfill(*rapid.T) {
	r := steps.Backfill{Turn: p.turn(), View: p.view, Done: p.parts("done"), Held: p.parts("held")}
	want := p.group.Backfill(p.now, r)
	got, err := p.store.Backfill(p.t.Context(), r)
	p.equal(want, got, err)
}

func (p *pair) post(*rapid.T) {
	key := rapid.SampledFrom([]string{"", "list/of things", "other"}).Draw(p.t, "key")
	post := partition.Post{Version: rapid.Int64Range(1, 3).Draw(p.t, "version"),
		Data: []byte(rapid.SampledFrom([]string{"", "\n", "{}\n{}"}).Draw(p.t, "data"))}
	p.group.Post(p.now, key, post, 10_000)
	p.equal(nil, nil, p.store.Post(p.t.Context(), key, post, 10*time.Second))
}

func (p *pair) read(*rapid.T) {
	key := rapid.SampledFrom([]string{"", "list/of things", "other"}).Draw(p.t, "key")
	want, ok := p.group.Read(p.now, key)
	got, err := p.store.Read(p.t.Context(), key)
	if !ok {
		if !isNoPost(err) {
			p.t.Fatalf("error %v, want ErrNoPost", err)
		}
		return
	}
	p.equal(want, got, err)
}

func (p *pair) look(*rapid.T) {
	got, err := p.store.Look(p.t.Context())
	p.equal(p.group.Look(p.now), got, err)
}

// TestLikeMemory runs the same random steps on a group in memory and one in a directory.
func TestLikeMemory(t *testing.T) {
	root, run := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		p := newPair(t, filepath.Join(root, strconv.Itoa(run)))
		actions := map[string]func(*rapid.T){
			"": p.look, "wait": p.wait, "restore": p.restore, "leave": p.leave, "begin": p.begin, "ask": p.ask,
			"backfill": p.backfill, "post": p.post, "read": p.read,
		}
		for i := range 3 { // the names of actions are drawn with equal chances
			suffix := strings.Repeat(" again", i)
			actions["beat"+suffix], actions["claim"+suffix], actions["settle"+suffix] = p.beat, p.claim, p.settle
		}
		t.Repeat(actions)
	})
}

// TestNothingStays: what is over has no file.
func TestNothingStays(t *testing.T) {
	dir := t.TempDir()
	now := base
	b := open(t, dir)
	b.SetClock(func() time.Time { return time.UnixMilli(now) })
	s := b.Group("g")
	ctx := t.Context()
	for i := range int64(10) {
		now = base + i*interval
		c := join(t, s, "a").Caller
		if got := join(t, s, "other"); got.Incarnation == 0 {
			t.Fatal(got)
		}
		begun, err := s.Begin(ctx, steps.Begin{Turn: steps.Turn{Caller: c, Source: "src", Number: now / interval, Interval: interval}})
		if err != nil || begun.Status != steps.OK {
			t.Fatal(begun, err)
		}
		if err := s.Post(ctx, time.UnixMilli(now).String(), partition.Post{Version: 1}, time.Minute); err != nil {
			t.Fatal(err)
		}
		if i == 9 {
			if err := s.Leave(ctx, steps.Caller{ID: "other", Incarnation: now + 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	counts := map[string]int{}
	err := filepath.WalkDir(b.Folder("g"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			counts[filepath.Base(filepath.Dir(path))]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"g": 2, "members": 1, "cycles": 4, "posts": 2} // g: the lock and the group
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("files (-want +got):\n%s%v", diff, slices.Sorted(maps.Keys(counts)))
	}
}
