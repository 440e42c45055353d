package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets test scripts run this binary as "poller".
func TestMain(m *testing.M) {
	if os.Getenv(targetVariable) != "" { // a worker of TestCluster
		os.Exit(runTargetPoller())
	}
	testscript.Main(m, map[string]func(){
		"poller": func() { os.Exit(execute(context.Background(), os.Args[1:], thisProcess())) },
	})
}

// TestScript runs what operators type, right and wrong, and compares what is printed.
// A case is a file: adding one needs no Go.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, ".home")) // no configuration of the machine's own
			return nil
		},
	})
}
