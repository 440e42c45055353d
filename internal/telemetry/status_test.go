package telemetry_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

// samplePage has every kind of content, hostile text and ragged rows included.
func samplePage(time.Time) telemetry.Page {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	return telemetry.Page{
		Title: "Ringmeter poller", Host: "compute-17", Version: "1.2.3",
		Started: now.Add(-53 * time.Hour), Now: now,
		Facts: []telemetry.Fact{{Name: "Samples sent", Value: telemetry.Count(48210377)},
			{Name: "Spool", Value: telemetry.Bytes(13002342), State: telemetry.Warn}},
		Tables: []telemetry.Table{
			{
				Title: "Pollsters", Note: "What is read.",
				Columns: []telemetry.Column{{Name: "Pollster"}, {Name: "Took", Numeric: true, Help: "of the last cycle"}, {Name: "Last run"}, {Name: "Last error"}},
				Rows: [][]telemetry.Cell{
					{{Text: "cpu"}, {Text: telemetry.Duration(1240 * time.Millisecond)}, telemetry.Ago(now, now.Add(-3*time.Second)), {}},
					{{Text: "<script>alert(1)</script>"}, {Text: "5", State: telemetry.Bad}, telemetry.Ago(now, time.Time{}),
						{Text: "401 Unauthorized: \"x\" & 'y' from https://keystone.example.net:5000", Title: `"><b>`, State: telemetry.Warn}},
					{{Text: "short", State: telemetry.OK}},
					{{Text: "wide"}, {}, {}, {}, {Text: "beyond the columns"}},
				},
			},
			{Title: "Rejected", Empty: "None so far.", Columns: []telemetry.Column{{Name: "Message"}}},
			{Title: "Spooled"},
			ringOf("w", 3, 1),
		},
		Links: []telemetry.Link{{Name: "Runbook", URL: "https://example.net/?a=1&b=2"}, {Name: "Bad", URL: "javascript:alert(1)"}},
	}
}

func TestStatusPage(t *testing.T) {
	health := telemetry.NewHealth()
	r := start(t, telemetry.Options{Page: samplePage, Health: health})
	_, ready := r.do(t, "GET", "/")
	golden(t, "status.html", withoutStyle(ready))
	_, body := r.do(t, "GET", "/api/v1/status")
	golden(t, "status.json", body)

	health.Set("bus", errors.New("connection <refused>"))
	_, notReady := r.do(t, "GET", "/?refresh=10")
	golden(t, "status_not_ready.html", withoutStyle(notReady))
}

// withoutStyle leaves the style sheet, which has a file of its own, out of a golden.
func withoutStyle(page string) string {
	before, rest, _ := strings.Cut(page, "<style>")
	_, after, _ := strings.Cut(rest, "</style>")
	return before + "<style>…</style>" + after
}

func TestStatusJSONReadsBack(t *testing.T) {
	r := start(t, telemetry.Options{Page: samplePage})
	resp, body := r.do(t, "GET", "/api/v1/status")
	var got telemetry.Page
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	want := samplePage(time.Time{})
	want.Ready = true
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if kind := resp.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type %q", kind)
	}
}

func TestServerFillsInWhatThePageLeavesOut(t *testing.T) {
	before := time.Now()
	r := start(t, telemetry.Options{})
	_, body := r.do(t, "GET", "/api/v1/status")
	var p telemetry.Page
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	if p.Host == "" || p.Version != telemetry.Version() || p.Now.Before(before) || !p.Ready || p.Title == "" {
		t.Errorf("%+v", p)
	}
}

func TestRefresh(t *testing.T) {
	r := start(t, telemetry.Options{Page: samplePage})
	for query, want := range map[string]string{
		"?refresh=10":     `<meta http-equiv="refresh" content="10">`,
		"?refresh=999999": `<meta http-equiv="refresh" content="3600">`,
		"":                "", "?refresh=0": "", "?refresh=-1": "", "?refresh=x": "", `?refresh="><script>`: "",
	} {
		_, body := r.do(t, "GET", "/"+strings.NewReplacer(`"`, "%22", "<", "%3C", ">", "%3E").Replace(query))
		if want == "" && strings.Contains(body, "http-equiv") || !strings.Contains(body, want) {
			t.Errorf("%q: want %q in %s", query, want, withoutStyle(body))
		}
	}
}

// The policy allows the style sheet by its hash: a page whose style differs has none.
func TestPolicyMatchesTheStyleSheet(t *testing.T) {
	r := start(t, telemetry.Options{Page: samplePage})
	resp, body := r.do(t, "GET", "/")
	_, rest, _ := strings.Cut(body, "<style>")
	style, _, found := strings.Cut(rest, "</style>")
	if !found || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "style-src 'sha256-"+sha256Base64(style)+"'") {
		t.Errorf("policy %q is not for the style of the page", resp.Header.Get("Content-Security-Policy"))
	}
	for _, outside := range []string{"<script", "style=", "@import", "url(", "src="} {
		if strings.Contains(body, outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
}

func TestStateText(t *testing.T) {
	for _, s := range []telemetry.State{telemetry.Neutral, telemetry.OK, telemetry.Warn, telemetry.Bad} {
		text, err := s.MarshalText()
		var back telemetry.State
		if err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%d became %q and %d, %v", s, text, back, err)
		}
	}
	var s telemetry.State
	if err := s.UnmarshalText([]byte("fine")); !errors.Is(err, telemetry.ErrState) {
		t.Errorf("error %v", err)
	}
}
