package config

import (
	"strings"
	"testing"
)

func FuzzINI(f *testing.F) {
	for _, seed := range []string{
		"[DEFAULT]\nhost = n1\n", "[polling]\nbatch_size: 50\n\n[DEFAULT]\nx =\n  a\n  b\n", "a = b\n", " a\n", "[\n[]\n[a\n",
		"[a]\n= b\nc\n\"\"=''\nd = \"\ne = '\n", "\ufeff[a]\r\nb = \"c\"\r", "[DEFAULT]\nhost = $host${host}$$\\$\n", "[a]\nb=c\n # d\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed := parseINI("f", []byte(text))
		count := strings.Count(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n") + 1
		for _, a := range parsed.assignments {
			if a.name == "" || a.group == "" || strings.Contains(a.name, "-") {
				t.Fatalf("assignment to %q of %q", a.name, a.group)
			}
			if a.at.Line < 1 || a.at.Line > count || a.valueAt.Line != a.at.Line || a.valueAt.Column < 2 {
				t.Fatalf("assignment at %v, value at %v, of %d lines", a.at, a.valueAt, count)
			}
		}
		for _, d := range append(parsed.errors, parsed.warnings...) {
			if d.Line < 1 || d.Line > count || d.Problem == "" || d.Fix == "" {
				t.Fatalf("diagnostic %+v of %d lines", d, count)
			}
		}
		l := &loader{table: newTable(), assigned: map[address][]candidate{}, resolved: map[address]*setting{}}
		for _, a := range parsed.assignments {
			l.assign(0, a)
		}
		for _, a := range l.table.order {
			l.resolve(a, nil)
		}
	})
}
