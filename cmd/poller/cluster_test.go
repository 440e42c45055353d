package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/metering"
)

const (
	targetVariable = "RINGMETER_TEST_TARGET" // makes this binary a poller that meters it
	memberVariable = "RINGMETER_TEST_MEMBER"
	things         = 90
)

// runTargetPoller is what the test binary does as a worker of a cluster.
func runTargetPoller() int {
	p := thisProcess()
	p.tables = targetTables(os.Getenv(targetVariable), os.Getenv(memberVariable))
	return execute(context.Background(), os.Args[1:], p)
}

// cluster is a few pollers, each a process of its own, that share a Redis and meter a
// target. Samples go to files, whose ids say which cycle they are of.
type cluster struct {
	t        *testing.T
	dir      string
	polling  string // file
	interval time.Duration
	ttl      time.Duration
	redis    *testlab.Redis
	target   *target
	begun    time.Time
	workers  map[string]*workerProcess
	starts   int
}

type workerProcess struct {
	cmd    *exec.Cmd
	log    string // file
	exited chan struct{}
}

func newCluster(t *testing.T, interval, ttl time.Duration, o testlab.RedisOptions, ids ...string) *cluster {
	c := &cluster{t: t, dir: t.TempDir(), interval: interval, ttl: ttl, begun: time.Now(),
		redis: testlab.StartRedis(t, o), target: newTarget(t, things), workers: map[string]*workerProcess{}}
	t.Cleanup(c.killAll)
	c.polling = c.write("polling.yaml", "sources:\n- {name: source, interval: %d, meters: [thing]}\n", int(c.interval.Seconds()))
	for _, id := range ids {
		c.start(id)
	}
	c.awaitMembers(len(ids))
	return c
}

func (c *cluster) write(name, format string, args ...any) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, fmt.Appendf(nil, format, args...), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// start starts a worker; extra are further lines of its [ringmeter] section.
func (c *cluster) start(id string, extra ...string) *workerProcess {
	c.t.Helper()
	c.starts++
	name := fmt.Sprintf("%s-%d", id, c.starts)
	pipeline := c.write("pipeline-"+id+".yaml", "sources:\n- {name: all, meters: ['*'], sinks: [out]}\nsinks:\n- {name: out, publishers: ['file://%s?json']}\n",
		filepath.Join(c.dir, "samples-"+id))
	conf := c.write("ringmeter-"+name+".conf", `[DEFAULT]
pipeline_cfg_file = %s
[polling]
cfg_file = %s
[coordination]
backend_url = %s?timeout=%g
[ringmeter]
member_id = %s
drain_timeout = 8
%s
`, pipeline, c.polling, c.redis.URL(), c.ttl.Seconds(), id, strings.Join(extra, "\n"))
	w := &workerProcess{log: filepath.Join(c.dir, "log-"+name), exited: make(chan struct{})}
	log, err := os.Create(w.log)
	if err != nil {
		c.t.Fatal(err)
	}
	w.cmd = exec.Command(os.Args[0], "--config-file", conf, "--polling-namespaces", "central", "run", "--web.listen-address", "127.0.0.1:0") //nolint:noctx // killed by the cleanup
	w.cmd.Env = append(os.Environ(), targetVariable+"="+c.target.server.URL, memberVariable+"="+id, "HOME="+c.dir)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	if err := w.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait() // how it ended is seen where it matters
		log.Close()
		close(w.exited)
	}()
	c.workers[id] = w
	return w
}

func (c *cluster) signal(id string, s syscall.Signal) {
	c.t.Helper()
	if err := c.workers[id].cmd.Process.Signal(s); err != nil {
		c.t.Errorf("sending %v to %s: %v", s, id, err)
	}
}

// end waits until a worker that was told to end has done so.
func (c *cluster) end(id string) {
	c.t.Helper()
	select {
	case <-c.workers[id].exited:
	case <-time.After(20 * time.Second):
		c.t.Errorf("%s still runs 20 s after it was told to end", id)
	}
}

func (c *cluster) killAll() {
	for _, w := range c.workers {
		_ = w.cmd.Process.Kill() // it may have ended
		<-w.exited
	}
	if c.t.Failed() {
		for _, log := range c.files("log-*") {
			text, err := os.ReadFile(log)
			c.t.Logf("%s (%v):\n%s", filepath.Base(log), err, text)
		}
	}
}

func (c *cluster) files(pattern string) []string {
	c.t.Helper()
	found, err := filepath.Glob(filepath.Join(c.dir, pattern))
	if err != nil {
		c.t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// awaitMembers waits until the group has so many members in its view.
func (c *cluster) awaitMembers(n int) {
	c.t.Helper()
	c.await(fmt.Sprintf("the view has %d members", n), 40*time.Second, func() bool {
		view, err := c.redis.TryDo(c.t.Context(), "GET", "ringmeter:{central-global}:v")
		text, ok := view.(string)
		return err == nil && ok && strings.Count(text, "\n")+1 == n+trailing(text)
	})
}

// trailing is 1 if text ends with a line break.
func trailing(text string) int {
	if strings.HasSuffix(text, "\n") {
		return 1
	}
	return 0
}

func (c *cluster) await(what string, limit time.Duration, done func() bool) {
	c.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(limit); ; {
		select {
		case <-tick.C:
			if done() {
				return
			}
		case <-deadline:
			c.t.Fatalf("waited %v until %s", limit, what)
		}
	}
}

// cycle is the number of the cycle now.
func (c *cluster) cycle() int64 { return time.Now().UnixNano() / int64(c.interval) }

// until waits for a moment of a cycle, as a fraction of it.
func (c *cluster) until(cycle int64, at float64) {
	c.pause(time.Until(time.Unix(0, cycle*int64(c.interval)+int64(at*float64(c.interval)))))
}

func (c *cluster) pause(d time.Duration) {
	select {
	case <-time.After(d):
	case <-c.t.Context().Done():
	}
}

// sampled reads the ids of all samples of a span of cycles from the files of all workers.
func (c *cluster) sampled(first, last int64) (perCycle map[int64]map[string]int) {
	c.t.Helper()
	type of struct {
		cycle int64
		thing string
	}
	ids := map[string]of{}
	perCycle = map[int64]map[string]int{}
	for k := first; k <= last; k++ {
		perCycle[k] = map[string]int{}
		for _, name := range c.target.names() {
			ids[metering.SampleID("source", name, "thing", k, 0)] = of{k, name}
		}
	}
	for _, path := range c.files("samples-*") {
		f, err := os.Open(path)
		if err != nil {
			c.t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var s struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
				c.t.Errorf("%s: %v: %s", path, err, lines.Text())
			}
			if o, ok := ids[s.ID]; ok {
				perCycle[o.cycle][o.thing]++
			}
		}
		if err := errors.Join(lines.Err(), f.Close()); err != nil && !errors.Is(err, fs.ErrClosed) {
			c.t.Fatal(err)
		}
	}
	return perCycle
}

// verdict counts what a span of cycles has lost and doubled.
func (c *cluster) verdict(first, last int64) (lost, doubled int) {
	c.t.Helper()
	for k, seen := range c.sampled(first, last) {
		missing, again := 0, 0
		for _, name := range c.target.names() {
			switch n := seen[name]; {
			case n == 0:
				missing++
			case n > 1:
				again += n - 1
			}
		}
		if missing+again > 0 {
			c.t.Logf("cycle %d: lost %d, doubled %d", k-first, missing, again)
		}
		lost, doubled = lost+missing, doubled+again
	}
	return lost, doubled
}

// trouble is what happens to a cluster, and what it may cost: nothing, where that is
// promised. What a worker has polled and not marked as done when it dies or is frozen is
// polled again, under the same id.
type trouble struct {
	name    string
	persist bool
	ttl     time.Duration // 0: 5 s
	cycles  int64         // that it lasts, at most
	doubled int           // allowed
	happens func(c *cluster, k int64)
}

func troubles() []trouble {
	const inFlight = things / 4
	return []trouble{
		{name: "kill -9", cycles: 2, doubled: inFlight, happens: func(c *cluster, k int64) {
			c.until(k, 0.15)
			c.rescued("b", k, func() { c.signal("b", syscall.SIGKILL) })
		}},
		{name: "kill -9 with the default lease of 15 s", ttl: 15 * time.Second, cycles: 1, doubled: inFlight, happens: func(c *cluster, k int64) {
			c.until(k, 0.1)
			c.rescued("c", k, func() { c.signal("c", syscall.SIGKILL) })
		}},
		{name: "SIGSTOP for two leases, SIGCONT", cycles: 2, doubled: inFlight, happens: func(c *cluster, k int64) {
			c.until(k, 0.2)
			c.signal("a", syscall.SIGSTOP)
			c.pause(2 * c.ttl)
			c.signal("a", syscall.SIGCONT)
		}},
		{name: "SIGTERM", cycles: 1, happens: func(c *cluster, k int64) {
			c.until(k, 0.25)
			c.signal("b", syscall.SIGTERM)
			c.end("b")
		}},
		{name: "rolling restart", cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.1)
			for _, id := range []string{"a", "b", "c"} {
				c.signal(id, syscall.SIGTERM)
				c.end(id)
				c.start(id)
				c.awaitMembers(3)
			}
		}},
		{name: "join", cycles: 2, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.start("d")
			c.awaitMembers(4)
		}},
		{name: "Redis stopped and started, data kept", persist: true, cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.redis.Stop(c.t)
			c.pause(14 * time.Second)
			c.redis.Restart(c.t)
		}},
		{name: "Redis killed and started empty", cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.redis.Kill(c.t)
			c.pause(9 * time.Second)
			c.redis.Restart(c.t)
		}},
		{name: "FLUSHALL", cycles: 1, happens: func(c *cluster, k int64) {
			c.until(k, 0.35)
			c.redis.Do(c.t, "FLUSHALL")
		}},
		{name: "CLIENT PAUSE 12 s", cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.redis.Do(c.t, "CLIENT", "PAUSE", 12000, "ALL")
			c.pause(12 * time.Second)
		}},
		{name: "Redis frozen for 12 s", cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.redis.Pause(c.t)
			c.pause(12 * time.Second)
			c.redis.Resume(c.t)
		}},
		{name: "no memory left in Redis", cycles: 3, happens: func(c *cluster, k int64) {
			c.until(k, 0.3)
			c.redis.Do(c.t, "CONFIG", "SET", "maxmemory", "1")
			c.pause(12 * time.Second)
			c.redis.Do(c.t, "CONFIG", "SET", "maxmemory", "0")
		}},
		{name: "a worker with other ring settings", cycles: 1, happens: func(c *cluster, k int64) {
			c.until(k, 0.1)
			w := c.start("stranger", "ring_partitions = 1009")
			c.await("the stranger says what differs", 20*time.Second, func() bool {
				text, err := os.ReadFile(w.log)
				return err == nil && strings.Contains(string(text), "partitions is 4093 there and 1009 here")
			})
		}},
	}
}

// rescued lets a worker die in cycle k and measures until others poll its share, which is
// what it polled in the cycle before.
func (c *cluster) rescued(id string, k int64, die func()) {
	c.t.Helper()
	share := map[string]bool{}
	for _, p := range c.target.seen(time.Unix(0, (k-1)*int64(c.interval))) {
		if p.from == id && p.at.UnixNano() < k*int64(c.interval) {
			share[p.thing] = true
		}
	}
	if len(share) == 0 {
		c.t.Fatalf("%s has polled nothing before its death", id)
	}
	died := time.Now()
	die()
	took := time.Duration(math.MaxInt64)
	limit := c.ttl + 3*time.Second
	c.await("somebody else polls the share of the dead worker", limit+5*time.Second, func() bool {
		for _, p := range c.target.seen(died) {
			if share[p.thing] && p.from != id {
				took = p.at.Sub(died)
				return true
			}
		}
		return false
	})
	c.t.Logf("from kill -9 to the first poll of the dead worker's share by another: %v (lease %v)", took.Round(10*time.Millisecond), c.ttl)
	if took > limit {
		c.t.Errorf("that is more than a lease and 3 s")
	}
}

// TestCluster runs real pollers on a real Redis through all kinds of trouble and counts
// what is lost and doubled.
func TestCluster(t *testing.T) {
	var all sync.WaitGroup
	for _, trouble := range troubles() {
		all.Go(func() { t.Run(trouble.name, func(t *testing.T) { trouble.run(t) }) })
	}
	all.Wait()
}

func (x trouble) run(t *testing.T) {
	interval, ttl := 10*time.Second, 5*time.Second
	if x.ttl > 0 {
		interval, ttl = 2*x.ttl, x.ttl
	}
	c := newCluster(t, interval, ttl, testlab.RedisOptions{Persist: x.persist}, "a", "b", "c")
	first := c.cycle() + 2
	x.happens(c, first)
	last := max(c.cycle(), first+x.cycles)
	c.until(last+2, 0.1) // what is late may be a lease's time late
	lost, doubled := c.verdict(first, last)
	polls := len(c.target.seen(time.Unix(0, first*int64(interval))))
	t.Logf("%s: %d cycles of %d things, lost %d, doubled %d; %d polls seen by the target since",
		x.name, last-first+1, things, lost, doubled, polls)
	if lost > 0 || doubled > x.doubled {
		t.Errorf("lost %d and doubled %d, allowed are 0 and %d", lost, doubled, x.doubled)
	}
}
