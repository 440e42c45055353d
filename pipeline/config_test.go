package pipeline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config/configtest"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/rogpeppe/go-internal/txtar"
)

// A case has one YAML file and may have match: names of meters to try on each source.
func TestReadConfig(t *testing.T) {
	configtest.Run(t, "testdata/config/*.txtar", func(t *testing.T, ar *txtar.Archive) map[string]string {
		file := ar.Files[0]
		cfg, warnings, err := pipeline.ReadConfig(file.Name, file.Data)
		got := map[string]string{"warnings": configtest.Listed(warnings), "errors": configtest.Faults(t, err)}
		if err != nil {
			return got
		}
		var b strings.Builder
		for _, s := range cfg.Sources {
			fmt.Fprintf(&b, "source %s to %s", s.Name, strings.Join(s.Sinks, ", "))
			for meter := range strings.FieldsSeq(configtest.Section(ar, "match")) {
				if s.Meters.Match(meter) {
					fmt.Fprintf(&b, " meter %s", meter)
				}
			}
			b.WriteByte('\n')
		}
		for _, s := range cfg.Sinks {
			fmt.Fprintf(&b, "sink %s\n", s.Name)
			for _, p := range s.Publishers {
				fmt.Fprintf(&b, "  %s at %s\n", p.URL, p.At.Position())
			}
		}
		got["values"] = b.String()
		return got
	})
}

func TestPublisherRefHidesPassword(t *testing.T) {
	cfg, _, err := pipeline.ReadConfig("p", []byte(
		"sources: [{name: a, meters: ['*'], sinks: [b]}]\nsinks: [{name: b, publishers: ['https://u:hunter2@h/']}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	ref := cfg.Sinks[0].Publishers[0]
	if got := fmt.Sprintf("%v %s %+v", ref, ref, cfg.Sinks); strings.Contains(got, "hunter2") {
		t.Errorf("password shows in %q", got)
	}
	if ref.URL != "https://u:hunter2@h/" {
		t.Errorf("URL %q", ref.URL)
	}
}

func FuzzReadConfig(f *testing.F) {
	for _, seed := range []string{
		"sources: [{name: a, meters: ['*'], sinks: [b]}]\nsinks: [{name: b, publishers: [gnocchi]}]\n",
		"sources:\n- {name: a, counters: [x], sinks: [a, a]}\nsinks:\n- &s {name: a, publishers: ['x://u:p@h'], transformers: [{}]}\n- *s\n",
		"sources: [~, [], a]\nsinks: [{}]\n", "[]", "sinks: []\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, _, err := pipeline.ReadConfig("f", data)
		if err != nil {
			if strings.TrimSpace(configtest.Faults(t, err)) == "" {
				t.Fatal("an error without a fault")
			}
			return
		}
		sinks := map[string]bool{}
		for _, s := range cfg.Sinks {
			if s.Name == "" || sinks[s.Name] || len(s.Publishers) == 0 {
				t.Fatalf("bad sink %v", s)
			}
			sinks[s.Name] = true
			for _, p := range s.Publishers {
				if !strings.Contains(p.URL, "://") {
					t.Fatalf("bad publisher %q", p.URL)
				}
			}
		}
		for _, s := range cfg.Sources {
			if s.Name == "" || s.Meters == nil || len(s.Sinks) == 0 {
				t.Fatalf("bad source %v", s)
			}
			for _, sink := range s.Sinks {
				if !sinks[sink] {
					t.Fatalf("source %s names sink %q, which does not exist", s.Name, sink)
				}
			}
		}
	})
}
