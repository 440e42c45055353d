// Package configtest runs tests of configuration readers from archives: a case is one
// file below testdata and needs no code. With UPDATE_GOLDEN set in the environment the
// archives are rewritten to what is got.
package configtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/rogpeppe/go-internal/txtar"
)

// Run runs one test per archive. run returns the sections that the archive is to hold;
// those that are empty may be left out. Archives named *.bad.txtar are to have errors,
// others none.
func Run(t *testing.T, glob string, run func(t *testing.T, ar *txtar.Archive) map[string]string) {
	t.Helper()
	paths, err := filepath.Glob(glob)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases in %s: %v", glob, err)
	}
	for _, path := range paths {
		path, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			ar, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, ar)
			if bad := strings.Contains(path, ".bad."); bad != (got["errors"] != "") {
				t.Errorf("bad = %v by its name, but errors are %q", bad, got["errors"])
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				writeCase(t, path, ar, got)
			}
			for name, text := range got {
				if diff := cmp.Diff(Section(ar, name), text); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

func writeCase(t *testing.T, path string, ar *txtar.Archive, got map[string]string) {
	t.Helper()
	var kept []txtar.File
	for _, f := range ar.Files {
		if _, ok := got[f.Name]; !ok {
			kept = append(kept, f)
		}
	}
	for _, name := range []string{"values", "redacted", "warnings", "errors"} {
		if got[name] != "" {
			kept = append(kept, txtar.File{Name: name, Data: []byte(got[name])})
		}
	}
	ar.Files = kept
	if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Section is the text of one file of an archive.
func Section(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

// Listed is one diagnostic per line.
func Listed(ds []config.Diagnostic) string {
	var b strings.Builder
	for _, d := range ds {
		b.WriteString(d.Error() + "\n")
	}
	return b.String()
}

// Faults is the diagnostics of an error, which has to have nothing else.
func Faults(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	ds, ok := errors.AsType[config.Diagnostics](err)
	if !ok {
		t.Fatalf("error %v is a %T, not Diagnostics", err, err)
	}
	return Listed(ds)
}
