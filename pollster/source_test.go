package pollster_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/config/configtest"
	"github.com/ringmeter/ringmeter/pollster"
	"github.com/rogpeppe/go-internal/txtar"
)

// A case has one YAML file and may have match: names of meters to try on each source.
func TestReadSources(t *testing.T) {
	configtest.Run(t, "testdata/source/*.txtar", func(t *testing.T, ar *txtar.Archive) map[string]string {
		file := ar.Files[0]
		sources, warnings, err := pollster.ReadSources(file.Name, file.Data)
		if err != nil && sources != nil {
			t.Errorf("sources %v beside an error", sources)
		}
		var b strings.Builder
		for _, s := range sources {
			fmt.Fprintf(&b, "%s every %v", s.Name, s.Interval)
			if s.Splay >= 0 {
				fmt.Fprintf(&b, " splay %g", s.Splay)
			}
			for _, ref := range s.Discovery {
				fmt.Fprintf(&b, " discovery %v", ref)
			}
			for _, r := range s.Resources {
				fmt.Fprintf(&b, " resource %s", r.ResourceKey())
			}
			for meter := range strings.FieldsSeq(configtest.Section(ar, "match")) {
				if s.Meters.Match(meter) {
					fmt.Fprintf(&b, " meter %s", meter)
				}
			}
			b.WriteByte('\n')
		}
		return map[string]string{"values": b.String(), "warnings": configtest.Listed(warnings), "errors": configtest.Faults(t, err)}
	})
}

func FuzzReadSources(f *testing.F) {
	for _, seed := range []string{
		"sources:\n  - name: a\n    interval: 60\n    meters: [cpu, 'disk.*']\n    resources: [x]\n    discovery: ['y:z']\n    splay: 5%\n",
		"sources:\n  - {name: a, counters: ['!x'], sinks: [b]}\nsinks: []\n", "sources: [[], {}, a, ~]\n", "[]", "sources:\n- splay: nan\n",
		"sources: &s\n- &a {name: x, interval: 1, meters: ['*']}\n- {<<: *a, name: y}\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		sources, _, err := pollster.ReadSources("f", data)
		if err != nil {
			if strings.TrimSpace(configtest.Faults(t, err)) == "" {
				t.Fatal("an error without a fault")
			}
			return
		}
		names := map[string]bool{}
		for _, s := range sources {
			if s.Name == "" || names[s.Name] || s.Interval < time.Second || s.Meters == nil || s.Splay > 1 {
				t.Fatalf("bad source %+v", s)
			}
			names[s.Name] = true
		}
	})
}

func TestReadSourcesReportsAll(t *testing.T) {
	_, _, err := pollster.ReadSources("p.yaml", []byte("sources:\n- interval: x\n- name: b\n"))
	ds, ok := err.(config.Diagnostics) //nolint:errorlint // the type itself is promised
	if !ok || len(ds) != 5 {
		t.Errorf("error %v", err)
	}
}
