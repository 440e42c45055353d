package file_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// group is two members of a group in a directory, with time under control.
type group struct {
	steps.Store
	now    int64
	folder string
	a, b   member
	turn   steps.Turn // a's in the current cycle
	view   partition.View
}

func newGroup(t *testing.T) *group {
	t.Helper()
	backend := open(t, t.TempDir())
	g := &group{Store: backend.Group("g"), now: base, folder: backend.Folder("g")}
	backend.SetClock(func() time.Time { return time.UnixMilli(g.now) })
	g.a, g.b = join(t, g, "a"), join(t, g, "b")
	g.turn = steps.Turn{Caller: g.a.Caller, Source: "src", Number: base / interval, Interval: interval}
	begun, err := g.Begin(t.Context(), steps.Begin{Turn: g.turn})
	if err != nil {
		t.Fatal(err)
	}
	g.view, g.turn.Epoch = begun.View, begun.View.Epoch
	if got := g.claim(t, 1, 2, 3); len(got.Parts) != 3 {
		t.Fatal(got)
	}
	if err := g.Post(t.Context(), "key", partition.Post{Version: 7, Data: []byte("data")}, time.Hour); err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *group) claim(t *testing.T, parts ...int) steps.Parts {
	t.Helper()
	reply, err := g.Claim(t.Context(), steps.Claim{Turn: g.turn, Parts: parts})
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

func (g *group) beat(t *testing.T, m member) steps.Beaten {
	t.Helper()
	g.now += 1000
	b := beatOf(m.Caller)
	b.Epoch = g.view.Epoch
	reply, err := g.Beat(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// damages are what can happen to a file, by name.
func damages(t *testing.T) map[string]func(path string) error {
	t.Helper()
	damages := map[string]func(string) error{
		"removed":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 20) },
		"cut short": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()-2)
		},
		"zeros": func(path string) error {
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.WriteFile(path, make([]byte, info.Size()), 0o600)
		},
		"made a directory and back": func(path string) error {
			return errors.Join(os.Remove(path), os.Mkdir(path, 0o700), os.Remove(path))
		},
	}
	for _, text := range []string{"", "{}", "null", "[]", `"x"`, "7", "not ours", `{"era": -1, "id": 5}`} {
		damages["now "+strconv.Quote(text)] = func(path string) error { return os.WriteFile(path, []byte(text), 0o600) }
	}
	return damages
}

// TestDamage: whatever happens to a file, the group goes on as if it had forgotten.
func TestDamage(t *testing.T) {
	for name, damage := range damages(t) {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				file  string
				check func(*testing.T, *group)
			}{
				{"members/a.json", ownFileLost},
				{"members/b.json", otherFileLost},
				{"group.json", groupLost},
				{"cycles/" + strconv.FormatInt(base/interval, 10) + "-src.json", ledgerLost},
				{"posts/key", postLost},
			} {
				g := newGroup(t)
				if err := damage(filepath.Join(g.folder, c.file)); err != nil {
					t.Fatal(err)
				}
				c.check(t, g)
			}
		})
	}
}

func ownFileLost(t *testing.T, g *group) {
	if got := g.claim(t, 1); got.Status != steps.NoLease {
		t.Errorf("claiming without a lease: %v", got)
	}
	if got := g.beat(t, g.a); got.Status != steps.OK || !got.InView || got.Epoch != g.view.Epoch {
		t.Errorf("the member's next heartbeat: %+v", got)
	}
	if got := g.claim(t, 1, 4); len(got.Parts) != 2 {
		t.Errorf("claiming after it: %v", got)
	}
}

func otherFileLost(t *testing.T, g *group) {
	got := g.beat(t, g.a)
	if got.View == nil || len(got.View.Members) != 1 || got.View.Members[0].ID != "a" {
		t.Errorf("the heartbeat of another: %+v", got)
	}
	if got := g.beat(t, g.b); got.Status != steps.OK || !got.InView || len(got.View.Members) != 2 {
		t.Errorf("the member's next heartbeat: %+v", got)
	}
}

func groupLost(t *testing.T, g *group) {
	if got := g.beat(t, g.a); got.Status != steps.Amnesia {
		t.Errorf("the first heartbeat: %+v", got)
	}
	if got := g.claim(t, 1); got.Status != steps.WrongEra {
		t.Errorf("claiming: %v", got)
	}
	err := g.Restore(t.Context(), steps.Restore{Caller: g.a.Caller, Settings: "s", View: g.view, TTL: ttl})
	if err != nil {
		t.Fatal(err)
	}
	got := g.beat(t, g.a)
	if got.Status != steps.OK || got.Epoch != g.view.Epoch+1 || !got.Grace || got.Era == g.a.Era || got.View == nil {
		t.Fatalf("a heartbeat after restoring: %+v", got)
	}
	if diff := cmp.Diff(g.view.Members, got.View.Members); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func ledgerLost(t *testing.T, g *group) {
	if got := g.claim(t, 4); got.Status != steps.NoLedger {
		t.Errorf("claiming: %v", got)
	}
	begun, err := g.Begin(t.Context(), steps.Begin{Turn: g.turn, Known: &g.view})
	if err != nil || begun.Status != steps.OK {
		t.Fatal(begun, err)
	}
	if diff := cmp.Diff(g.view, begun.View); diff != "" {
		t.Errorf("pinned view (-want +got):\n%s", diff)
	}
	if got := g.claim(t, 4); len(got.Parts) != 1 {
		t.Errorf("claiming again: %v", got)
	}
}

func postLost(t *testing.T, g *group) {
	if got, err := g.Read(t.Context(), "key"); !errors.Is(err, partition.ErrNoPost) {
		t.Errorf("reading: %v, error %v", got, err)
	}
	if err := g.Post(t.Context(), "key", partition.Post{Version: 1, Data: []byte("new")}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got, err := g.Read(t.Context(), "key"); err != nil || string(got.Data) != "new" {
		t.Errorf("reading again: %v, error %v", got, err)
	}
}

// TestForeignFiles: what others leave in the folders harms nobody and stays.
func TestForeignFiles(t *testing.T) {
	g := newGroup(t)
	long := time.UnixMilli(1)
	for _, path := range []string{"README", "new", "members/x.json/y", "cycles/x.json/y", "posts/x/y"} {
		path = filepath.Join(g.folder, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
			t.Fatal(err)
		}
		if dir := filepath.Dir(path); dir != g.folder {
			if err := os.Chtimes(dir, long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	old, err := os.ReadFile(filepath.Join(g.folder, "members/b.json"))
	if err != nil {
		t.Fatal(err)
	}
	g.now++
	restarted := join(t, g, "b")
	if err := os.WriteFile(filepath.Join(g.folder, "members/copy.json"), old, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := g.beat(t, g.b); got.Status != steps.Replaced {
		t.Errorf("a heartbeat of the one before: %+v", got)
	}
	if got := g.beat(t, restarted); got.Status != steps.OK || got.Epoch != g.view.Epoch {
		t.Errorf("a heartbeat: %+v", got)
	}
	g.turn.Number++
	g.now += interval
	g.beat(t, g.a)
	if got, err := g.Begin(t.Context(), steps.Begin{Turn: g.turn}); err != nil || got.Status != steps.OK {
		t.Errorf("beginning: %v, error %v", got, err)
	}
	g.now += 2 * time.Hour.Milliseconds()
	postLost(t, g)
	if _, err := os.Stat(filepath.Join(g.folder, "members/x.json/y")); err != nil {
		t.Error(err)
	}
}

// TestFolderRemoved: then the coordinator has lost its memory.
func TestFolderRemoved(t *testing.T) {
	g := newGroup(t)
	if err := os.RemoveAll(filepath.Dir(g.folder)); err != nil {
		t.Fatal(err)
	}
	groupLost(t, g)
}

// TestUnusableFolder: an error that names the file, and no end of the group.
func TestUnusableFolder(t *testing.T) {
	for _, path := range []string{".", "lock", "group.json", "members", "cycles", "posts"} {
		g := newGroup(t)
		g.now += interval
		path = filepath.Join(g.folder, path)
		if err := os.Rename(path, path+".moved"); err != nil {
			t.Fatal(err)
		}
		// A directory where a file belongs, and a file where a directory does.
		block := func() error { return os.Mkdir(path, 0o700) }
		if info, err := os.Stat(path + ".moved"); err != nil || info.IsDir() {
			block = func() error { return os.WriteFile(path, []byte("x"), 0o600) }
		}
		if err := block(); err != nil {
			t.Fatal(err)
		}
		_, beat := g.Beat(t.Context(), beatOf(steps.Caller{ID: "new"}))
		_, begin := g.Begin(t.Context(), steps.Begin{Turn: g.turn})
		post := g.Post(t.Context(), "key", partition.Post{Version: 8}, time.Hour)
		if errors.Join(beat, begin, post) == nil {
			t.Errorf("without %s everything went well", path)
		}
		if err := errors.Join(os.Remove(path), os.Rename(path+".moved", path)); err != nil {
			t.Fatal(err)
		}
		if got := g.beat(t, g.a); got.Status != steps.OK {
			t.Errorf("with %s again: %+v", path, got)
		}
	}
}

// TestClockSetBack: a heartbeat from the future is not for ever, nor is the grace that follows.
func TestClockSetBack(t *testing.T) {
	g := newGroup(t)
	g.now -= 1000 * interval
	g.beat(t, g.a)
	for range 2 * 16 {
		g.beat(t, g.a)
	}
	if got, err := g.Look(t.Context()); err != nil || len(got.Members) != 1 || got.Members[0].ID != "a" {
		t.Errorf("%+v, error %v", got, err)
	}
}

func TestClose(t *testing.T) {
	b := open(t, t.TempDir())
	s := b.Group("g")
	a := join(t, s, "a")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Beat(t.Context(), beatOf(a.Caller)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("error %v, want that it is closed", err)
	}
}
