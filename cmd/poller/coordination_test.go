package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pollster"
)

func TestAdvertised(t *testing.T) {
	for _, c := range []struct {
		listen []string
		tls    bool
		want   string
	}{
		{[]string{"127.0.0.1:8977"}, false, ""},
		{[]string{"localhost:8977", "[::1]:8977"}, false, ""},
		{[]string{":8977"}, false, "http://compute-1:8977"},
		{[]string{"0.0.0.0:8977"}, true, "https://compute-1:8977"},
		{[]string{"[::]:8977"}, false, "http://compute-1:8977"},
		{[]string{"127.0.0.1:8977", "192.0.2.7:9000", ":1"}, false, "http://192.0.2.7:9000"},
		{[]string{"[2001:db8::7]:9000"}, false, "http://[2001:db8::7]:9000"},
		{[]string{"poller.example.net:9000"}, false, "http://poller.example.net:9000"},
		{[]string{":0"}, false, ""}, // nobody knows which port that will be
		{[]string{"nonsense"}, false, ""},
		{nil, false, ""},
	} {
		if got := advertised(c.listen, "compute-1", c.tls); got != c.want {
			t.Errorf("%q is reached at %q, want %q", c.listen, got, c.want)
		}
	}
}

// answering is the address of a worker whose groups stand like this.
func answering(t *testing.T, groups ...groupReport) string {
	return serving(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(ringReport{Member: memberReport{ID: "w"}, Groups: groups})
	})
}

func serving(t *testing.T, h http.HandlerFunc) string {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+ringDocument, h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestPeers(t *testing.T) {
	linked := answering(t, groupReport{Name: "h", Joined: true, Mode: "away", Epoch: 70}, groupReport{Name: "g", Joined: true, Mode: "linked", Epoch: 7})
	joining := answering(t, groupReport{Name: "g", Joined: true, Mode: "joining"})
	away := answering(t, groupReport{Name: "g", Joined: true, Mode: "away", Epoch: 5})
	fenced := answering(t, groupReport{Name: "g", Joined: true, Mode: "fenced"})
	starting := answering(t, groupReport{Name: "g", Mode: "joining"})
	alone := answering(t, groupReport{Name: "g", Joined: true, Alone: true, Mode: "alone"})
	stranger := answering(t, groupReport{Name: "h", Joined: true, Mode: "linked", Epoch: 70})
	var silent []string
	for name, h := range map[string]http.HandlerFunc{
		"asks for a password": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) },
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, linked+ringDocument, http.StatusFound)
		},
		"is no worker":   func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"groups": [{"mode": "linked"}]}`) },
		"is in no group": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"member": {"id": "w"}}`) },
		"hangs":          func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"never ends": func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"member": {"id": "w"}, "coordinator": "`)
			for {
				if _, err := fmt.Fprint(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		},
	} {
		address := serving(t, h)
		if got := newPeers().ask(t.Context(), "g", []string{address}); got != (worker.Answers{}) {
			t.Errorf("one that %s counts as %+v", name, got)
		}
		silent = append(silent, address)
	}
	for name, c := range map[string]struct {
		addresses []string
		want      worker.Answers
	}{
		"nobody":       {nil, worker.Answers{}},
		"linked":       {[]string{linked + "/"}, worker.Answers{Answered: 1, Linked: 1, Epoch: 7}},
		"known":        {[]string{joining}, worker.Answers{Answered: 1, Linked: 1}},
		"cut off too":  {[]string{away, fenced, starting, alone}, worker.Answers{Answered: 4, Epoch: 5}},
		"of another":   {[]string{stranger}, worker.Answers{}},
		"one of some":  {[]string{away, linked, fenced}, worker.Answers{Answered: 3, Linked: 1, Epoch: 7}},
		"no address":   {[]string{"", "ftp://h", "http://", "http://u:p@h", linked + "?x=1"}, worker.Answers{}},
		"half of many": {append(silent[:4:4], away, away, away, away, away), worker.Answers{Answered: 5, Epoch: 5}},
	} {
		if got := newPeers().ask(t.Context(), "g", c.addresses); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

// sampleGroups are groups in every state.
func sampleGroups(t *testing.T) []pollster.GroupStatus {
	t.Helper()
	at := time.Date(2026, 3, 4, 11, 59, 0, 0, time.UTC)
	ring := func(epoch uint64, members ...partition.Member) *partition.Ring {
		r, err := partition.NewRing(partition.View{Epoch: epoch, Members: members}, partition.DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	three := ring(12, partition.Member{ID: "w1", Weight: 1, Address: "http://w1:8977"}, partition.Member{ID: "w2", Weight: 2}, partition.Member{ID: "w3"})
	state := func(m partition.Mode, reason string) partition.State {
		return partition.State{Mode: m, Since: at, Reason: reason, Beat: at.Add(50 * time.Second), Skew: -250 * time.Millisecond}
	}
	return []pollster.GroupStatus{
		{Name: "linked", Joined: true, State: state(partition.Linked, ""), Ring: three, Cycles: []pollster.CycleStatus{
			{Ledger: "s/cpu", Number: 7, Interval: time.Minute, Coverage: partition.Coverage{Expected: 100, Done: 100, Rescued: 3, Stolen: 1, Late: 2}},
			{Ledger: "s/disk", Number: 7, Interval: time.Minute, Coverage: partition.Coverage{Expected: 10, Claimed: 1, Open: 1, Done: 8}, Lost: 2},
		}},
		{Name: "away", Joined: true, State: state(partition.Away, "connection refused"), Ring: three},
		{Name: "fenced", Joined: true, State: state(partition.Fenced, "1 of 2 other members reach the coordinator and this one does not"), Ring: three},
		{Name: "settling", Joined: true, State: state(partition.Joining, "the join waits for others"), Ring: ring(0)},
		{Name: "replaced", Joined: true, State: state(partition.Replaced, "another worker has joined under the same member id"), Ring: three},
		{Name: "waiting", Problem: "connection refused"},
		{Name: "mismatch", Problem: "group works with other ring settings: partitions is 7 there and 4093 here"},
		{Name: "starting"},
		{Name: "alone", Alone: true, Problem: "connection refused", State: state(partition.Linked, ""), Ring: ring(1, partition.Member{ID: "w1", Weight: 1})},
	}
}

func TestRingReport(t *testing.T) {
	report := newRingReport(partition.Member{ID: "w1", Weight: 1, Address: "http://w1:8977"}, "redis://cache:6379", sampleGroups(t))
	text, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/ring.json"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(filepath.FromSlash(file), append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || string(want) != string(text)+"\n" {
		t.Errorf("the report is not that of %s (%v); UPDATE_GOLDEN=1 writes it anew:\n%s", file, err, text)
	}
}

func TestStandingOf(t *testing.T) {
	want := map[string]struct {
		state telemetry.State
		says  string
	}{
		"linked": {telemetry.OK, ""}, "away": {telemetry.Warn, "goes on with what it owns: connection refused"},
		"fenced": {telemetry.Bad, "this one does not"}, "settling": {telemetry.Bad, "joining: the join waits for others"},
		"replaced": {telemetry.Bad, "replaced: another"}, "waiting": {telemetry.Bad, "waiting until it can be joined: connection refused"},
		"mismatch": {telemetry.Bad, "7 there and 4093 here"}, "starting": {telemetry.Bad, "joining"},
		"alone": {telemetry.Warn, "and so may others: connection refused"},
	}
	groups := sampleGroups(t)
	for _, g := range groups {
		what, how := standingOf(g)
		if w := want[g.Name]; how != w.state || !strings.Contains(what, w.says) {
			t.Errorf("%s: %q (%v), want %q (%v)", g.Name, what, how, w.says, w.state)
		}
	}
	var rows []string
	groupAttention(groups, func(what, text string, _ telemetry.State) { rows = append(rows, what+": "+text) })
	if all := strings.Join(rows, "\n"); len(rows) != len(groups) || !strings.Contains(all, "2 of 10 of cycle 7 of s/disk") || strings.Contains(all, "Group linked") {
		t.Errorf("what needs attention:\n%s", all)
	}
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	me := partition.Member{ID: "w1"}
	if table := groupTable(me, groups, now); len(table.Rows) != len(groups) || table.Rows[0][6].Text != "108 of 110" || table.Rows[0][7].Text != "10 s ago" {
		t.Errorf("%+v", table)
	}
	if rings := ringTables(me, groups); len(rings) != 1 || len(rings[0].Rows) != 3 || !rings[0].Ring.Shares[0].Marked {
		t.Errorf("rings: %+v; want one for all groups with the same members, and none for a member that is alone", rings)
	}
}

func TestSimulateKeepsTheGroundRules(t *testing.T) {
	for _, c := range []struct{ members, add, remove int }{{1, 1, 0}, {3, 0, 1}, {10, 1, 0}, {10, 5, 5}, {0, 3, 0}, {2, 0, 2}} {
		ring, err := partition.NewRing(partition.View{Members: invent("worker", c.members)}, partition.DefaultSettings())
		if err != nil {
			t.Fatal(err)
		}
		r, err := simulate(ring, c.add, c.remove)
		if err != nil {
			t.Fatal(err)
		}
		if r.After.Members != c.members+c.add-c.remove || r.MovedShare > 2*r.Ideal || r.Moved < int(r.Ideal*float64(r.Partitions)/2) {
			t.Errorf("%+v: %+v", c, r)
		}
		if c.members > 0 && (r.Before.Max < 1 || r.Before.Min > 1 || r.Before.Max > 1.26) {
			t.Errorf("%+v: %+v", c, r.Before)
		}
	}
	ring, err := partition.NewRing(partition.View{}, partition.DefaultSettings())
	if _, bad := simulate(ring, 0, 1); err != nil || bad == nil {
		t.Errorf("removing one of none: %v, %v", bad, err)
	}
}

func TestCoordinatorThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	rewrite(t, filepath.Join(dir, "ring"), "a file")
	code, _, stderr := runCommandLine(t, "check", "--config-file", dividedConf(t, dir, "w1", "[coordination]\nbackend_url = file://"+dir+"/ring\n"))
	if code != exitUsage || !strings.Contains(stderr, "w1.conf:8: backend_url cannot be used") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
