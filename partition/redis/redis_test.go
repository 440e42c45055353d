package redis_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/redis"
	"github.com/ringmeter/ringmeter/partition/steps"
	"github.com/ringmeter/ringmeter/partition/worker"
)

var _ worker.Backend = (*redis.Backend)(nil)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, url string) *redis.Backend {
	t.Helper()
	b, err := redis.Open(url, redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// heartbeat of a process that joins, with a view at once.
func heartbeat(id string) steps.Beat {
	return steps.Beat{Caller: steps.Caller{ID: id}, Weight: 1, Address: "http://" + id, Settings: "p=8", TTL: time.Minute}
}

func join(t testing.TB, s steps.Store, id string) steps.Caller {
	t.Helper()
	told, err := s.Beat(t.Context(), heartbeat(id))
	if err != nil || told.Status != steps.OK || !told.InView {
		t.Fatalf("joining as %s: %+v, error %v", id, told, err)
	}
	return steps.Caller{ID: id, Incarnation: told.Incarnation, Era: told.Era}
}

// begin opens the cycle that is on by Redis' clock.
func begin(t testing.TB, s steps.Store, c steps.Caller) steps.Turn {
	t.Helper()
	const minute = 60_000
	look, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	turn := steps.Turn{Caller: c, Source: "s", Number: look.Now / minute, Interval: minute}
	begun, err := s.Begin(t.Context(), steps.Begin{Turn: turn, Expected: 8})
	if err != nil || begun.Status != steps.OK {
		t.Fatalf("beginning a cycle: %+v, error %v", begun, err)
	}
	turn.Epoch = begun.View.Epoch
	return turn
}

// visit takes all steps once, by Redis' own clock.
func visit(t *testing.T, s steps.Store) {
	t.Helper()
	ctx := t.Context()
	before := time.Now().Add(-time.Second).UnixMilli()
	c := join(t, s, "m")
	turn := begin(t, s, c)
	check := func(what string, err error, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", what, err, diff)
		}
	}
	parts, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: []int{0, 1, 2}})
	check("claim", err, steps.Parts{Parts: []int{0, 1, 2}}, parts)
	parts, err = s.Settle(ctx, steps.Settle{Turn: turn, Done: []int{0, 4}, Release: []int{1}})
	check("settle", err, steps.Parts{Parts: []int{4}}, parts)
	parts, err = s.Held(ctx, steps.Listed{Turn: turn, Parts: []int{0, 1, 2}})
	check("held", err, steps.Parts{Parts: []int{1}}, parts)
	parts, err = s.Unfinished(ctx, steps.Listed{Turn: turn, Parts: []int{0, 1, 2, 3}})
	check("unfinished", err, steps.Parts{Parts: []int{1, 3}}, parts)
	status, err := s.Backfill(ctx, steps.Backfill{Turn: turn, Done: []int{5}, Held: []int{6}})
	check("backfill", err, steps.OK, status)
	coverage, err := s.Coverage(ctx, turn)
	check("coverage", err, partition.Coverage{Expected: 8, Claimed: 2, Open: 1, Done: 2}, coverage)
	check("post", s.Post(ctx, "k", partition.Post{Version: 3, Data: []byte("\x00\xff")}, time.Minute), nil, nil)
	post, err := s.Read(ctx, "k")
	check("read", err, partition.Post{Version: 3, Data: []byte("\x00\xff")}, post)
	look, err := s.Look(ctx)
	if err != nil || look.Now < before || look.Now > time.Now().Add(time.Second).UnixMilli() || len(look.Members) != 1 {
		t.Errorf("look: %+v, error %v", look, err)
	}
	check("leave", s.Leave(ctx, c), nil, nil)
	epoch := look.View.Epoch + 1
	check("restore", s.Restore(ctx, steps.Restore{View: partition.View{Epoch: epoch}, TTL: time.Second}), nil, nil)
}

func TestSteps(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]testlab.RedisOptions{
		"port":                   {},
		"socket":                 {Socket: true},
		"password":               {Password: "p@ss/w?rd#%"},
		"user":                   {User: "us/er", Password: "p@ss:w?rd#%"},
		"socket with a password": {Socket: true, Password: "secret"},
		"TLS":                    {TLS: testlab.NewCerts(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := open(t, testlab.StartRedis(t, o).URL())
			for _, group := range []string{"g", "", "{a}b", "}", "%7D", "ü {"} {
				visit(t, b.Group(group))
			}
		})
	}
}

// TestNarrowUser: what the package says that a user needs is enough.
func TestNarrowUser(t *testing.T) {
	t.Parallel()
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	server.Do(t, "ACL", "SETUSER", "narrow", "on", ">secret", "~ringmeter:*",
		"+eval", "+evalsha", "+time", "+@hash", "+@sortedset", "+get", "+set", "+del", "+pexpireat")
	visit(t, open(t, "redis://narrow:secret@"+server.Addr()).Group("g"))
}

// TestDatabase: groups of one name in two databases or namespaces are apart.
func TestDatabase(t *testing.T) {
	t.Parallel()
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	for _, place := range []string{"", "/1", "?db=2", "/1?namespace=other"} {
		visit(t, open(t, server.URL()+place).Group("g"))
	}
}

// TestKeysAreForgotten: nothing that belongs to one cycle or has an end stays for ever, and
// nothing else ends.
func TestKeysAreForgotten(t *testing.T) {
	t.Parallel()
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	s := open(t, server.URL()).Group("{g")
	turn := begin(t, s, join(t, s, "m"))
	if err := s.Post(t.Context(), "k", partition.Post{}, time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(t.Context(), steps.Claim{Turn: turn, Parts: []int{1}}); err != nil {
		t.Fatal(err)
	}
	ends := map[string]bool{}
	for _, key := range server.Do(t, "KEYS", "*").([]any) {
		ends[key.(string)[len("ringmeter:{%7Bg}:"):][:1]] = server.Do(t, "PTTL", key).(int64) > 0
	}
	want := map[string]bool{"g": false, "v": false, "m": false, "h": false, "l": false, "c": true, "b": true}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Errorf("which keys end (-want +got):\n%s", diff)
	}
}

// TestWholeRing: a request may name all partitions of the largest ring.
func TestWholeRing(t *testing.T) {
	t.Parallel()
	s := open(t, testlab.StartRedis(t, testlab.RedisOptions{}).URL()).Group("g")
	turn := begin(t, s, join(t, s, "m"))
	all := make([]int, 4093)
	for p := range all {
		all[p] = p
	}
	ctx := t.Context()
	free, err := s.Unfinished(ctx, steps.Listed{Turn: turn, Parts: all})
	if err != nil || !slices.Equal(free.Parts, all) {
		t.Fatalf("%d are unfinished, error %v", len(free.Parts), err)
	}
	got, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: all[:4000]})
	if err != nil || !slices.Equal(got.Parts, all[:4000]) {
		t.Fatalf("%d were granted, error %v", len(got.Parts), err)
	}
	if lost, err := s.Held(ctx, steps.Listed{Turn: turn, Parts: all}); err != nil || !slices.Equal(lost.Parts, all[4000:]) {
		t.Fatalf("%d are not held, error %v", len(lost.Parts), err)
	}
	if lost, err := s.Settle(ctx, steps.Settle{Turn: turn, Done: all[:2000], Release: all[2000:]}); err != nil || !slices.Equal(lost.Parts, all[4000:]) {
		t.Fatalf("%d were not settled, error %v", len(lost.Parts), err)
	}
	if status, err := s.Backfill(ctx, steps.Backfill{Turn: turn, Done: all[:3000], Held: all[3000:]}); err != nil || status != steps.OK {
		t.Fatalf("status %v, error %v", status, err)
	}
	coverage, err := s.Coverage(ctx, turn)
	if diff := cmp.Diff(partition.Coverage{Expected: 8, Claimed: 93, Open: 1000, Done: 3000}, coverage); err != nil || diff != "" {
		t.Errorf("error %v (-want +got):\n%s", err, diff)
	}
}

// TestUnprintableMembers: they would break the lines of a view.
func TestUnprintableMembers(t *testing.T) {
	t.Parallel()
	s := open(t, "redis://127.0.0.1:1").Group("g")
	bad := partition.View{Epoch: 9, Members: []partition.Member{{ID: "a\tb"}}}
	_, beat := s.Beat(t.Context(), heartbeat("a\nb"))
	_, begin := s.Begin(t.Context(), steps.Begin{Known: &bad})
	_, backfill := s.Backfill(t.Context(), steps.Backfill{View: bad})
	for _, err := range []error{beat, begin, backfill, s.Restore(t.Context(), steps.Restore{View: bad})} {
		if err == nil || !slices.Contains([]string{`checking member "a\nb": id is not printable`, `checking member "a\tb": id is not printable`}, err.Error()) {
			t.Errorf("error %v", err)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	b := open(t, testlab.StartRedis(t, testlab.RedisOptions{}).URL())
	s := b.Group("g")
	join(t, s, "m")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Beat(context.Background(), heartbeat("m"))
	if want := "running beat at " + b.String() + ": the coordinator's backend is closed"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}
