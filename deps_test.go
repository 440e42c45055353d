package ringmeter_test

import (
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/ringmeter/ringmeter"

// allowed holds the edges that a package of each part may have to the other parts.
// A part is the first element of a path (internal packages are parts of their own). Edges
// inside a part go from a folder to its parents only, and to what insidePart names.
func allowed() map[string][]string {
	leaves := []string{"internal/config", "internal/lifecycle", "internal/telemetry"}
	return map[string][]string{
		"":                    {},
		"metering":            {},
		"bus":                 {},
		"partition":           {"internal/config"}, // to suggest the name of an option
		"internal/config":     {},
		"internal/lifecycle":  {},
		"internal/simulation": {},
		"internal/telemetry":  {},
		"internal/testlab":    {},
		"discovery":           append([]string{"metering"}, leaves...),
		"pollster":            append([]string{"metering", "discovery", "partition"}, leaves...),
		"pipeline":            append([]string{"metering", "bus"}, leaves...),
		"cmd": append([]string{"", "metering", "bus", "partition", "discovery", "pollster",
			"pipeline"}, leaves...),
	}
}

func TestDependencyDirection(t *testing.T) {
	rules := allowed()
	for _, p := range packages(t) {
		from := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		edges, known := rules[part(from)]
		if !known {
			t.Errorf("package %s belongs to no part of the layout", from)
			continue
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			to = strings.TrimPrefix(to, "/")
			if part(from) == part(to) {
				if !insidePart(from, to) {
					t.Errorf("%s → %s: a folder imports its parents only, never a sibling or a child", from, to)
				}
				continue
			}
			if !slices.Contains(edges, part(to)) {
				t.Errorf("%s → %s: %s may import only %q", from, to, part(from), edges)
			}
			if part(from) == "pollster" && part(to) == "discovery" && to != "discovery" &&
				path.Base(to) != path.Base(from) {
				t.Errorf("%s → %s: a service folder reads the resources of its own service only", from, to)
			}
		}
	}
}

// part is the unit that rules speak of.
func part(pkg string) string {
	first, rest, _ := strings.Cut(pkg, "/")
	if first == "internal" {
		second, _, _ := strings.Cut(rest, "/")
		return first + "/" + second
	}
	return first
}

// insidePart reports whether an edge between two packages of one part is allowed. The two
// sides of the ring's protocol are what all coordinators stand on.
func insidePart(from, to string) bool {
	switch to {
	case "partition/steps":
		return part(from) == "partition"
	case "partition/worker":
		return from != "partition/steps"
	}
	return strings.HasPrefix(from, to+"/") && part(from) != "cmd"
}

// TestBinariesAreStatic builds what is shipped and looks for a dynamic linker in it.
func TestBinariesAreStatic(t *testing.T) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir, "./cmd/...")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, name := range []string{"poller", "notification"} {
		binary, err := elf.Open(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		defer binary.Close()
		for _, p := range binary.Progs {
			if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
				t.Errorf("%s is linked dynamically", name)
			}
		}
	}
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

// packages lists the module's packages with what their non-test files import.
func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("reading go list: %v", err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages, which cannot be all", len(all))
	}
	return all
}
