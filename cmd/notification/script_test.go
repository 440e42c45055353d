package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets test scripts run this binary as "notification".
func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"notification": main}) }

// TestScript runs what operators type and compares what is printed.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, ".home") // no configuration of the machine's own
			e.Setenv("HOME", home)
			return os.Mkdir(home, 0o700)
		},
	})
}
