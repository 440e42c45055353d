package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// TestScriptsAreSentAgain: the server may lose its scripts at any time, and the data with them.
func TestScriptsAreSentAgain(t *testing.T) {
	t.Parallel()
	server := testlab.StartRedis(t, testlab.RedisOptions{Persist: true})
	s := open(t, server.URL()).Group("g")
	c := join(t, s, "m")
	again := heartbeat("m")
	again.Caller, again.Epoch = c, 1
	renew := func(want steps.Status) {
		t.Helper()
		if told, err := s.Beat(t.Context(), again); err != nil || told.Status != want {
			t.Errorf("%+v, error %v, want status %v", told, err, want)
		}
	}
	server.Do(t, "SCRIPT", "FLUSH")
	renew(steps.OK)
	server.Stop(t)
	if _, err := s.Beat(t.Context(), again); err == nil {
		t.Error("no error while the server is down")
	}
	server.Restart(t)
	renew(steps.OK)
	server.Kill(t)
	server.Forget(t)
	server.Restart(t)
	_, _ = s.Look(t.Context()) // that connection is gone as well
	if _, err := s.Beat(t.Context(), again); err != nil {
		t.Logf("the first heartbeat may fail: %v", err)
	}
	renew(steps.Amnesia)
}

// timedOut reports whether an error came from a deadline.
func timedOut(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// TestSilence: a connection that is dead and does not say so costs one call its time. The
// next has a fresh one, whatever other connections are idle.
func TestSilence(t *testing.T) {
	t.Parallel()
	proxy := testlab.StartProxy(t, testlab.StartRedis(t, testlab.RedisOptions{}).Addr())
	s := open(t, "redis://"+proxy.Addr()+"?socket_timeout=0.3").Group("g")
	beat := func() error { _, err := s.Beat(t.Context(), heartbeat("m")); return err }
	look := func() error { _, err := s.Look(t.Context()); return err }
	for name, call := range map[string]func() error{"beat": beat, "look": look} {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if err := call(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		proxy.Silence()
		if err := call(); !timedOut(err) {
			t.Errorf("%s in silence: error %v, want a timeout", name, err)
		}
		proxy.Resume()
		for range 8 {
			if err := call(); err != nil {
				t.Errorf("%s after the silence: %v", name, err)
			}
		}
	}
}

// TestFrozenServer: a server that is stopped accepts connections and answers nothing.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	s := open(t, server.URL()+"?socket_timeout=0.3").Group("g")
	join(t, s, "m")
	server.Pause(t)
	for range 2 { // an old connection, a fresh one
		if _, err := s.Beat(t.Context(), heartbeat("m")); !timedOut(err) {
			t.Errorf("error %v, want a timeout", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Look(ctx); !timedOut(err) {
		t.Errorf("error %v, want a timeout", err)
	}
	server.Resume(t)
	join(t, s, "m")
}

// TestHeartbeatNeverWaits: all connections for other calls are stuck, and one can beat.
func TestHeartbeatNeverWaits(t *testing.T) {
	t.Parallel()
	const connections = 16
	proxy := testlab.StartProxy(t, testlab.StartRedis(t, testlab.RedisOptions{}).Addr())
	s := open(t, "redis://"+proxy.Addr()+"?socket_timeout=30&timeout=90").Group("g")
	proxy.Silence()
	var wg sync.WaitGroup
	for range 2 * connections {
		wg.Go(func() {
			if _, err := s.Look(t.Context()); err == nil {
				t.Error("a call was answered in silence")
			}
		})
	}
	proxy.AwaitAccepted(t, connections)
	proxy.Resume()
	join(t, s, "m")
	proxy.Silence()
	proxy.Cut()
	server := make(chan struct{})
	go func() { wg.Wait(); close(server) }()
	for waiting := true; waiting; {
		select {
		case <-server:
			waiting = false
		case <-time.After(10 * time.Millisecond): // those that waited for their turn
			proxy.Cut()
		}
	}
}

// TestShortOfMemory: a step that Redis refuses for want of memory has changed nothing.
func TestShortOfMemory(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	s := open(t, server.URL()).Group("g")
	c, other := join(t, s, "m"), join(t, s, "n")
	turn := begin(t, s, c)
	if _, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: []int{1, 2}}); err != nil {
		t.Fatal(err)
	}
	all := make([]int, 1000) // more than one batch
	for p := range all {
		all[p] = p
	}
	v := partition.View{Epoch: 9, Members: []partition.Member{{ID: "x", Weight: 1}}}
	unknown := turn
	unknown.Source = "t"
	server.Do(t, "CONFIG", "SET", "maxmemory", "1")
	before := dump(t, server)
	for name, call := range map[string]func() error{
		"join":      func() error { _, err := s.Beat(ctx, heartbeat("new")); return err },
		"beat":      func() error { b := heartbeat("m"); b.Caller, b.Weight = c, 2; _, err := s.Beat(ctx, b); return err },
		"restore":   func() error { return s.Restore(ctx, steps.Restore{View: v}) },
		"restore 0": func() error { return s.Restore(ctx, steps.Restore{View: partition.View{Epoch: 9}}) },
		"begin":     func() error { _, err := s.Begin(ctx, steps.Begin{Turn: unknown}); return err },
		"expect":    func() error { _, err := s.Begin(ctx, steps.Begin{Turn: turn, Expected: 9}); return err },
		"claim":     func() error { _, err := s.Claim(ctx, steps.Claim{Turn: turn, Parts: all}); return err },
		"settle":    func() error { _, err := s.Settle(ctx, steps.Settle{Turn: turn, Done: all}); return err },
		"release":   func() error { _, err := s.Settle(ctx, steps.Settle{Turn: turn, Release: all}); return err },
		"backfill":  func() error { _, err := s.Backfill(ctx, steps.Backfill{Turn: turn, Done: all}); return err },
		"late":      func() error { _, err := s.Backfill(ctx, steps.Backfill{Turn: unknown, Held: all}); return err },
		"post":      func() error { return s.Post(ctx, "k", partition.Post{}, time.Minute) },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("%s: error %v, want that it is out of memory", name, err)
		}
		if diff := cmp.Diff(before, dump(t, server)); diff != "" {
			t.Errorf("%s: (-before +after):\n%s", name, diff)
		}
	}
	if err := s.Leave(ctx, other); err != nil {
		t.Errorf("leaving gives memory back: %v", err)
	}
	look, err := s.Look(ctx)
	if err != nil || len(look.Members) != 1 || len(look.View.Members) != 1 {
		t.Errorf("after leaving: %+v, error %v", look, err)
	}
	server.Do(t, "CONFIG", "SET", "maxmemory", "0")
	visit(t, s)
}

// dump is all data of a server.
func dump(t *testing.T, server *testlab.Redis) map[string]string {
	t.Helper()
	data := map[string]string{}
	for _, key := range server.Do(t, "KEYS", "*").([]any) {
		data[key.(string)] = fmt.Sprintf("%q", server.Do(t, "DUMP", key))
	}
	return data
}

// TestErrorsKeepSecrets: whatever goes wrong, no error has a password in it.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	certs := testlab.NewCerts(t)
	user := testlab.StartRedis(t, testlab.RedisOptions{User: "me", Password: "right"})
	secure := testlab.StartRedis(t, testlab.RedisOptions{TLS: certs})
	for name, url := range map[string]string{
		"wrong password":        "redis://me:s3cret@" + user.Addr(),
		"wrong user":            "redis://you:s3cret@" + user.Addr(),
		"nobody listens":        "redis://me:s3cret@127.0.0.1:1",
		"no such host":          "redis://me:s3cret@nowhere.invalid",
		"no such socket":        "redis://me:s3cret@/nowhere",
		"no TLS":                "redis://me:s3cret@" + secure.Addr() + "?socket_timeout=0.3",
		"unknown authority":     "rediss://me:s3cret@" + secure.Addr(),
		"no client certificate": "rediss://me:s3cret@" + secure.Addr() + "?ssl_ca_certs=" + certs.CA,
		"no sentinel":           "redis://me:s3cret@" + user.Addr() + "?sentinel=m&sentinel_password=s3cret&sentinel_fallback=127.0.0.1:1",
		"no cluster":            "redis://me:right@" + user.Addr() + "?cluster=true",
		"database":              "redis://me:right@" + user.Addr() + "/4000",
	} {
		b := open(t, url)
		_, err := b.Group("g").Look(t.Context())
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		if !strings.HasPrefix(err.Error(), "running look at "+b.String()+": ") || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "right") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
