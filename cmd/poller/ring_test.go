package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// divided writes a configuration whose one source has resources that workers divide.
func dividedConf(t *testing.T, dir, name, more string) (confFile string) {
	t.Helper()
	for file, text := range map[string]string{
		name + ".conf":  "[polling]\ncfg_file = polling.yaml\n[DEFAULT]\npipeline_cfg_file = pipeline.yaml\n[ringmeter]\nmember_id = " + name + "\n" + more,
		"polling.yaml":  "sources:\n  - name: s\n    interval: 1\n    meters: [hardware.memory.total]\n    resources: [one, two, three]\n",
		"pipeline.yaml": "sources:\n  - name: s\n    meters: ['*']\n    sinks: [s]\nsinks:\n  - name: s\n    publishers: ['test://']\n",
	} {
		rewrite(t, filepath.Join(dir, file), text)
	}
	return filepath.Join(dir, name+".conf")
}

// runCommandLine runs a command in this process.
func runCommandLine(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, process{stdout: &out, stderr: &errs, tables: builtIn(), abort: func() {}})
	return code, out.String(), errs.String()
}

// report is what a running poller says about its groups.
func (r *running) report() (report ringReport) {
	r.t.Helper()
	code, body := r.get(ringDocument)
	if err := json.Unmarshal([]byte(body), &report); err != nil || code != http.StatusOK {
		r.t.Fatalf("%s answers %d: %v\n%s", ringDocument, code, err, body)
	}
	return report
}

// TestRing lets two workers meet in a directory, and looks at them in every way there is.
func TestRing(t *testing.T) {
	dir := t.TempDir()
	meet := "[coordination]\nbackend_url = file://" + dir + "/ring\n"
	conf := dividedConf(t, dir, "w1", "weight = 2\nadvertise_url = http://w1.example.net:8977\n"+meet)
	one := start(t, "--config-file", conf)
	two := start(t, "--config-file", dividedConf(t, dir, "w2", meet))
	eventually(t, 30*time.Second, "both in the view", func() bool {
		a, b := one.report(), two.report()
		return len(a.Groups) == 1 && len(b.Groups) == 1 && len(a.Groups[0].Members) == 2 && len(b.Groups[0].Members) == 2 &&
			a.Groups[0].Mode == "linked" && b.Groups[0].Mode == "linked"
	})
	a, b := one.report().Groups[0], two.report().Groups[0]
	if a.Digest != b.Digest || a.Own+b.Own != 4093 || a.Own < b.Own || a.Members[0].Partitions != a.Own {
		t.Errorf("the two do not divide the partitions two to one:\n%+v\n%+v", a, b)
	}

	code, stdout, stderr := runCommandLine(t, "ring", "--config-file", conf)
	for _, want := range []string{
		`(?m)^coordinator: file://.*/ring$`, `(?m)^group host-static-[0-9a-f]{16}: 2 members, epoch \d+, era 20`,
		fmt.Sprintf(`(?m)^  w1 +2 +active +.* ago +.* s +%d +6\d\.\d %% +http://w1\.example\.net:8977$`, a.Own),
		fmt.Sprintf(`(?m)^  w2 +1 +active +.* ago +.* s +%d +3\d\.\d %% +-$`, b.Own),
	} {
		if code != exitOK || !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("poller ring ends with %d and does not print %q:\n%s%s", code, want, stdout, stderr)
		}
	}

	code, stdout, stderr = runCommandLine(t, "ring", "owner", "two", "-o", "json", "--config-file", conf)
	var rows []ownerRow
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil || code != exitOK || len(rows) != 1 || !strings.HasPrefix(rows[0].Owner, "w") || rows[0].Epoch != a.Epoch {
		t.Errorf("poller ring owner ends with %d and prints %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = runCommandLine(t, "ring", "simulate", "--remove", "1", "--config-file", conf)
	if want := regexp.MustCompile(`(?m)^moved: 3\d\.\d % of 4093 partitions, ideal 33\.3 %$`); code != exitOK || !want.MatchString(stdout) {
		t.Errorf("poller ring simulate ends with %d and prints %s%s", code, stdout, stderr)
	}
	code, _, stderr = runCommandLine(t, "ring", "owner", "two", "--config-file", dividedConf(t, dir, "w3", "ring_partitions = 7\n"+meet))
	if code != exitUsage || !strings.Contains(stderr, "partitions is 4093 there and 7 here") {
		t.Errorf("with other settings poller ring owner ends with %d and prints %s", code, stderr)
	}

	_, page := one.get("/")
	for _, want := range []string{`<svg class="ring"`, "this worker", "w1 (weight 2)", ">Groups<", ">Cycles<"} {
		if !strings.Contains(page, want) {
			t.Errorf("the status page does not show %q", want)
		}
	}
	two.stop() // leaves, so the other has everything at once
	eventually(t, 10*time.Second, "everything with the one that is left", func() bool { return one.report().Groups[0].Own == 4093 })
	eventually(t, 10*time.Second, "a cycle that is over", func() bool { return len(one.report().Groups[0].Cycles) > 0 })
	one.stop()
}

// TestReloadStaysInTheGroup reloads what does not concern the group, and then the weight.
func TestReloadStaysInTheGroup(t *testing.T) {
	dir := t.TempDir()
	meet := "[coordination]\nbackend_url = file://" + dir + "/ring\n"
	conf := dividedConf(t, dir, "w1", meet)
	r := start(t, "--config-file", conf)
	eventually(t, 30*time.Second, "the group", func() bool { return r.report().Groups[0].Mode == "linked" })
	before := r.report().Groups[0]

	rewrite(t, filepath.Join(dir, "polling.yaml"), "sources:\n  - name: s\n    interval: 2\n    meters: [hardware.memory.total]\n    resources: [one, two, three]\n")
	r.signals <- syscall.SIGHUP
	r.log.wait(`configuration reloaded`)
	if after := r.report().Groups[0]; after.Epoch != before.Epoch || !after.Since.Equal(before.Since) {
		t.Errorf("the worker left its group for a reload:\n%+v\n%+v", before, after)
	}
	dividedConf(t, dir, "w1", "weight = 5\n"+meet)
	r.signals <- syscall.SIGHUP
	r.log.wait(`(?s)configuration reloaded.*configuration reloaded`)
	eventually(t, 30*time.Second, "the new weight", func() bool {
		g := r.report().Groups[0]
		return g.Mode == "linked" && len(g.Members) == 1 && g.Members[0].Weight == 5
	})
	r.stop()
}

// TestStartWithoutCoordinator starts while the coordinator is away, in both modes, and
// looks for its password in everything that is said meanwhile.
func TestStartWithoutCoordinator(t *testing.T) {
	const away = "[coordination]\nbackend_url = redis://:hunter2@127.0.0.1:1\n"
	for mode, c := range map[string]struct {
		code      int
		says, has string
	}{
		"wait":  {http.StatusServiceUnavailable, "is not polled here: waiting until it can be joined", "waiting until it can be joined"},
		"alone": {http.StatusOK, "ready", "polls everything until the coordinator answers"},
	} {
		t.Run(mode, func(t *testing.T) {
			r := start(t, "--debug", "--config-file", dividedConf(t, t.TempDir(), "w1", away+"on_start = "+mode+"\n"))
			r.log.wait(`127\.0\.0\.1:1`)
			eventually(t, 10*time.Second, "readiness to say so", func() bool {
				code, body := r.get("/-/ready")
				return code == c.code && strings.Contains(body, c.says)
			})
			_, page := r.get("/")
			if !strings.Contains(page, "Needs attention") || !strings.Contains(page, c.has) {
				t.Errorf("the page does not say %q", c.has)
			}
			everything := page
			for _, path := range []string{"/metrics", "/api/v1/status", ringDocument, "/-/ready", "/-/healthy"} {
				_, body := r.get(path)
				everything += body
			}
			r.stop()
			if everything += r.log.String(); strings.Contains(everything, "hunter2") {
				t.Error("the password is shown")
			}
		})
	}
}

// TestReplaced starts a second worker under the name of the first, which ends.
func TestReplaced(t *testing.T) {
	dir := t.TempDir()
	conf := dividedConf(t, dir, "w1", "[coordination]\nbackend_url = file://"+dir+"/ring\n")
	old := start(t, "--config-file", conf)
	eventually(t, 30*time.Second, "the group", func() bool { return old.report().Groups[0].Mode == "linked" })
	young := start(t, "--config-file", conf)
	select {
	case code := <-old.exit:
		if code != exitFailed || !strings.Contains(old.log.String(), "give each worker its own [ringmeter] member_id") {
			t.Errorf("exit code %d; log:\n%s", code, old.log)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("the older one still runs; log:\n%s", old.log)
	}
	young.stop()
}

// A cycle is shown once nothing of it can be polled any more: before, what is to be rescued
// would look lost.
func TestClosedCycle(t *testing.T) {
	for name, test := range map[string]struct {
		interval, into time.Duration // the newest cycle
		back           int64
	}{
		"just over":             {time.Minute, 0, 2},
		"still rescued":         {time.Minute, 19 * time.Second, 2},
		"closed":                {time.Minute, 20 * time.Second, 1},
		"short":                 {5 * time.Second, 4 * time.Second, 2},
		"nobody polls any more": {5 * time.Second, time.Hour, 1},
	} {
		t.Run(name, func(t *testing.T) {
			newest := steps.Newest{Source: "s/p", Number: 1000, Interval: test.interval.Milliseconds()}
			now := partition.Cycle{Number: 1000, Interval: test.interval}.Start().Add(test.into)
			if got := closed(newest, now); got.Number != 1000-test.back || got.Interval != test.interval || got.Source != "s/p" {
				t.Errorf("%+v, want the cycle %d before the newest", got, test.back)
			}
		})
	}
}
