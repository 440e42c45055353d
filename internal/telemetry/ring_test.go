package telemetry_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

// ringOf is a table of shares of these sizes; the first is marked.
func ringOf(names string, sizes ...int) telemetry.Table {
	t := telemetry.Table{
		Title: "Ring <1>", Note: "Epoch 7.", Ring: &telemetry.Ring{Whole: "4093 partitions"},
		Columns: []telemetry.Column{{Name: "Member"}, {Name: "Partitions", Numeric: true}},
	}
	for i, n := range sizes {
		t.Rows = append(t.Rows, []telemetry.Cell{{Text: fmt.Sprintf("%s%d", names, i+1)}, {Text: telemetry.Count(uint64(max(n, 0)))}})
		t.Ring.Shares = append(t.Ring.Shares, telemetry.Share{Size: n, Marked: i == 0})
	}
	return t
}

// pageWith is the HTML of a page with one table.
func pageWith(t *testing.T, table telemetry.Table) string {
	t.Helper()
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	r := start(t, telemetry.Options{Page: func(time.Time) telemetry.Page {
		return telemetry.Page{Title: "Poller", Host: "h", Version: "1", Now: now, Tables: []telemetry.Table{table}}
	}})
	_, body := r.do(t, "GET", "/")
	return body
}

func TestRing(t *testing.T) {
	golden(t, "ring.html", withoutStyle(pageWith(t, ringOf("worker-", 1365, 2046, 682))))
}

func TestRings(t *testing.T) {
	sizes := func(n, each int) []int {
		all := make([]int, n)
		for i := range all {
			all[i] = each
		}
		return all
	}
	for name, c := range map[string]struct {
		table           telemetry.Table
		sectors, legend int
		has             string
	}{
		"nobody":               {ringOf("w"), 0, 0, "stroke-dasharray"},
		"nobody owns anything": {ringOf("w", 0, 0), 0, 2, "w2: nothing"},
		"one":                  {ringOf("w", 4093), 1, 1, "w1: 4093 of 4093 (100.0 %)"},
		"one of two":           {ringOf("w", 4093, 0), 1, 2, "w2: 0 of 4093 (0.0 %)"},
		"thirty":               {ringOf("w", sizes(30, 100)...), 30, 30, "w30: 100 of 3000 (3.3 %)"},
		"more than colours":    {ringOf("w", sizes(42, 100)...), 31, 42, "12 others: 1200 of 4200 (28.6 %)"},
		"hostile":              {ringOf(`"><script>`, 1, 1), 2, 2, "&lt;script&gt;1: 1 of 2 (50.0 %)"},
		"negative":             {ringOf("w", -5, 5), 1, 2, "w2: 5 of 5 (100.0 %)"},
		"fewer rows": {telemetry.Table{Title: "x", Columns: []telemetry.Column{{Name: "a"}}, Rows: [][]telemetry.Cell{{}},
			Ring: &telemetry.Ring{Shares: []telemetry.Share{{Size: 1}, {Size: 1}}}}, 2, 1, "1 of 2"},
	} {
		t.Run(name, func(t *testing.T) {
			body := pageWith(t, c.table)
			wellFormed(t, body)
			if n := strings.Count(body, "<path "); n != c.sectors {
				t.Errorf("%d sectors, want %d", n, c.sectors)
			}
			if n := strings.Count(body, `class="swatch"`); n != c.legend {
				t.Errorf("%d lines of the legend, want %d", n, c.legend)
			}
			if !strings.Contains(body, c.has) {
				t.Errorf("it does not say %q:\n%s", c.has, withoutStyle(body))
			}
			for _, outside := range []string{"<script", "style=", "NaN", "Inf"} {
				if strings.Contains(body, outside) {
					t.Errorf("the page holds %q", outside)
				}
			}
		})
	}
}

func TestColoursDiffer(t *testing.T) {
	sizes := make([]int, 30)
	for i := range sizes {
		sizes[i] = 1
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`<path fill="(#[0-9a-f]{6})"`).FindAllStringSubmatch(pageWith(t, ringOf("w", sizes...)), -1) {
		seen[m[1]] = true
	}
	if len(seen) != 30 {
		t.Errorf("%d colours for 30 members", len(seen))
	}
}

// wellFormed checks that every element is closed where it should be and that ids are unique.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, []string{"meta", "link"}, xml.HTMLEntity // as in HTML
	ids, open := map[string]bool{}, []string{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			open = append(open, e.Name.Local)
			for _, a := range e.Attr {
				if a.Name.Local != "id" {
					continue
				}
				if ids[a.Value] {
					t.Errorf("the id %q is there twice", a.Value)
				}
				ids[a.Value] = true
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != e.Name.Local {
				t.Fatalf("</%s> closes %q", e.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) != 0 {
		t.Errorf("still open: %q", open)
	}
	for _, m := range regexp.MustCompile(`aria-labelledby="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		for id := range strings.FieldsSeq(m[1]) {
			if !ids[id] {
				t.Errorf("aria-labelledby names %q, which is nowhere", id)
			}
		}
	}
}

func TestDocuments(t *testing.T) {
	r := start(t, telemetry.Options{Documents: map[string]func() any{
		"/api/v1/ring": func() any { return map[string]int{"epoch": 7} },
	}})
	resp, body := r.do(t, "GET", "/api/v1/ring")
	if body != "{\n  \"epoch\": 7\n}\n" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: %q", resp.Header.Get("Content-Type"), body)
	}
	if _, body := r.do(t, "GET", "/api/v1/rink"); !strings.Contains(body, "/api/v1/status and /api/v1/ring") {
		t.Errorf("what is not there is answered with %q", body)
	}
}
