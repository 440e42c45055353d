package config_test

import (
	"errors"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config"
)

func TestDiagnosticError(t *testing.T) {
	for want, d := range map[string]config.Diagnostic{
		"f:1:2: p; x": {File: "f", Line: 1, Column: 2, Problem: "p", Fix: "x"},
		"f:1: p; x":   {File: "f", Line: 1, Problem: "p", Fix: "x"},
		"f: p":        {File: "f", Problem: "p"},
		"f: p; x":     {File: "f", Column: 7, Problem: "p", Fix: "x"},
		"3:4: p":      {Line: 3, Column: 4, Problem: "p"},
		"p; x":        {Problem: "p", Fix: "x"},
	} {
		if got := d.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestDiagnostics(t *testing.T) {
	first, second, third := config.Diagnostic{File: "a", Line: 2, Problem: "x"}, config.Diagnostic{File: "a", Line: 10, Problem: "y"},
		config.Diagnostic{File: "b", Line: 1, Problem: "z"}
	err := config.Diagnostics{third, second, first, second}.Err()
	if got, want := err.Error(), "a:2: x\na:10: y\nb:1: z"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if d, ok := errors.AsType[config.Diagnostic](err); !ok || d != first {
		t.Errorf("first diagnostic is %v, %v", d, ok)
	}
	if !errors.Is(err, third) {
		t.Error("the last diagnostic is not found")
	}
	if err := (config.Diagnostics{}).Err(); err != nil {
		t.Errorf("no diagnostics give %v", err)
	}
}
