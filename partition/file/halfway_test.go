package file_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// TestHalfAStep: a worker was killed after it had written the members and before it wrote
// the group. The others see a view without ghosts soon, and whoever is alive in it.
func TestHalfAStep(t *testing.T) {
	for _, c := range []struct {
		name string
		step func(*testing.T, *group)
		next string // the view that a's next heartbeat makes
	}{
		{"joining", func(t *testing.T, g *group) { join(t, g, "c") }, "a,b,c"},
		{"leaving", func(t *testing.T, g *group) {
			if err := g.Leave(t.Context(), g.b.Caller); err != nil {
				t.Fatal(err)
			}
		}, "a"},
		{"sweeping", func(t *testing.T, g *group) {
			for range 20 { // until b is gone
				g.beat(t, g.a)
			}
		}, "a"},
		{"restoring", func(t *testing.T, g *group) {
			if err := os.Remove(filepath.Join(g.folder, "group.json")); err != nil {
				t.Fatal(err)
			}
			if err := g.Restore(t.Context(), steps.Restore{Caller: g.a.Caller, Settings: "s", View: g.view, TTL: ttl}); err != nil {
				t.Fatal(err)
			}
		}, "a,b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newGroup(t)
			path := filepath.Join(g.folder, "group.json")
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c.step(t, g)
			heard := time.UnixMilli(g.now)
			if err := os.WriteFile(path, before, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, heard, heard); err != nil {
				t.Fatal(err)
			}
			g.beat(t, g.a)
			expectView(t, g, c.next)
			for range 40 {
				g.beat(t, g.a)
			}
			expectView(t, g, "a")
			join(t, g, "c")
			expectView(t, g, "a,c")
		})
	}
}

// expectView compares the view and those who have a lease with the IDs.
func expectView(t *testing.T, g *group, want string) {
	t.Helper()
	p, err := g.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var view, members []string
	for _, m := range p.View.Members {
		view = append(view, m.ID)
	}
	for _, m := range p.Members {
		members = append(members, m.ID)
	}
	if strings.Join(view, ",") != want || strings.Join(members, ",") != want {
		t.Errorf("view %q of members %q, want %s", view, members, want)
	}
}
