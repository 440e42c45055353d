package discovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/discovery"
)

// server is a resource that can be shared.
type server struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Metadata map[string]string `json:"metadata,omitempty"`
}

func (s server) ResourceKey() string { return "server/" + s.ID }

func decodeServer(data []byte) (discovery.Resource, error) {
	var s server
	err := json.Unmarshal(data, &s)
	return s, err
}

var errDown = errors.New("service is down")

// patience is that of all workers here.
const patience = 10 * time.Second

// servers is what they list.
func servers() discovery.Ref { return discovery.Ref{Name: "servers", Param: "all"} }

// fleet are n servers, the same at every call.
func fleet(n int) []discovery.Resource {
	random := rand.New(rand.NewPCG(1, 2))
	uuid := func() string {
		a, b := random.Uint64(), random.Uint64()
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&(1<<48-1))
	}
	images := []string{uuid(), uuid(), uuid(), uuid()}
	rs := make([]discovery.Resource, n)
	for i := range rs {
		rs[i] = server{
			ID:       uuid(),
			Name:     fmt.Sprintf("web-%d.example.org", random.IntN(1_000_000)),
			Metadata: map[string]string{"flavor": fmt.Sprintf("m1.%d", i%5), "image": images[random.IntN(len(images))], "status": "ACTIVE"},
		}
	}
	return rs
}

// board is an Exchange's memory. Each worker has a seat at it.
type board struct {
	mu       sync.Mutex
	lister   string
	versions map[string]int64
	lists    map[string][]byte
	posts    int
	readErr  error
	postErr  error
	postTime time.Duration // how long a Post takes
}

func newBoard(lister string) *board {
	return &board{lister: lister, versions: map[string]int64{}, lists: map[string][]byte{}}
}

func (b *board) elect(worker string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lister = worker
}

func (b *board) put(version int64, data []byte) *board {
	b.versions[servers().String()], b.lists[servers().String()] = version, data
	return b
}

func (b *board) posted() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.posts
}

type seat struct {
	*board
	worker string
}

func (s seat) Lists(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lister == s.worker
}

func (s seat) Post(ctx context.Context, key string, version int64, data []byte) error {
	select {
	case <-time.After(s.postTime):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postErr != nil {
		return s.postErr
	}
	s.posts++
	if version >= s.versions[key] {
		s.versions[key], s.lists[key] = version, data
	}
	return nil
}

func (s seat) Read(ctx context.Context, key string) (int64, []byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch data, left := s.lists[key]; {
	case ctx.Err() != nil:
		return 0, nil, context.Cause(ctx)
	case s.readErr != nil:
		return 0, nil, s.readErr
	case !left:
		return 0, nil, discovery.ErrNoList
	default:
		return s.versions[key], data, nil
	}
}

// worker is one cycle of one worker, and what is seen of it.
type worker struct {
	*discovery.Cache
	listing discovery.Listing // of the last List
	calls   atomic.Int32      // of its discoverer
	posted  chan error
}

// newWorker makes cycle version of a worker whose discoverer is d.
func newWorker(t *testing.T, b *board, name string, version int64, d discover) *worker {
	t.Helper()
	w := &worker{posted: make(chan error, 1)}
	p := plugin("servers", func(ctx context.Context, param string) ([]discovery.Resource, error) {
		w.calls.Add(1)
		return d(ctx, param)
	})
	p.Decode = decodeServer
	w.Cache = catalog(t, p).Cycle(func(l discovery.Listing) { w.listing = l }, discovery.Sharing{
		Exchange: seat{b, name}, Version: version, Patience: patience,
		Posted: func(ref discovery.Ref, size int, err error) {
			if ref != servers() {
				t.Errorf("posted %v", ref)
			}
			w.posted <- err
		},
	})
	return w
}

// takes is a discoverer that needs that long.
func takes(d time.Duration, rs []discovery.Resource, err error) discover {
	return func(ctx context.Context, _ string) ([]discovery.Resource, error) {
		select {
		case <-time.After(d):
			return rs, err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// blob is what a lister leaves for the others.
func blob(t testing.TB, version int64, rs []discovery.Resource, err error) []byte {
	t.Helper()
	b := newBoard("a")
	posted := make(chan error, 1)
	p := plugin("servers", func(context.Context, string) ([]discovery.Resource, error) { return rs, err })
	p.Decode = decodeServer
	c, _ := discovery.NewCatalog([]discovery.Plugin{p})
	_, listed := c.Cycle(nil, discovery.Sharing{Exchange: seat{b, "a"}, Version: version,
		Posted: func(_ discovery.Ref, _ int, err error) { posted <- err }}).List(t.Context(), servers())
	if !errors.Is(listed, err) {
		t.Fatalf("List: %v, want %v", listed, err)
	}
	if err := <-posted; err != nil {
		t.Fatalf("posting: %v", err)
	}
	return b.lists[servers().String()]
}

func TestOneListsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, rs := newBoard("0"), fleet(100)
		workers := make([]*worker, 7)
		var wg sync.WaitGroup
		for i := range workers {
			workers[i] = newWorker(t, b, fmt.Sprint(i), 5, takes(3*time.Second, rs, nil))
			for range 3 { // pollsters of the worker
				wg.Go(func() {
					got, err := workers[i].List(t.Context(), servers())
					if diff := cmp.Diff(rs, got); err != nil || diff != "" {
						t.Errorf("worker %d: %v, resources (-want +got):\n%s", i, err, diff)
					}
				})
			}
		}
		wg.Wait()
		calls := int32(0)
		for i, w := range workers {
			calls += w.calls.Load()
			origin, most := discovery.Read, 4*time.Second
			if i == 0 {
				origin, most = discovery.Listed, 3*time.Second
			}
			if l := w.listing; l.Ref != servers() || l.Origin != origin || l.Took > most || l.Err != nil || l.Reason != nil {
				t.Errorf("worker %d: observed %+v, want it %v within %v", i, l, origin, most)
			}
		}
		if calls != 1 || b.posted() != 1 {
			t.Errorf("%d listings, %d posts, want one of each", calls, b.posted())
		}
	})
}

// The lister goes before it lists, or while it does; the next one lists at once.
func TestListerDies(t *testing.T) {
	for name, begun := range map[string]bool{"before listing": false, "while listing": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, rs := newBoard("a"), fleet(3)
				listers := map[string]*worker{}
				for _, name := range []string{"a", "b", "c"} {
					listers[name] = newWorker(t, b, name, 5, takes(3*time.Second, rs, nil))
				}
				ctx, die := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				if begun {
					wg.Go(func() {
						if _, err := listers["a"].List(ctx, servers()); !errors.Is(err, context.Canceled) {
							t.Errorf("a: %v, want that it was ended", err)
						}
					})
				}
				wg.Go(func() {
					<-time.After(2 * time.Second)
					die()
					synctest.Wait() // what a might still do, it does before the others know
					b.elect("b")
				})
				for _, name := range []string{"b", "c"} {
					wg.Go(func() {
						if got, err := listers[name].List(t.Context(), servers()); err != nil || !cmp.Equal(got, rs) {
							t.Errorf("%s: %v, %v", name, got, err)
						}
					})
				}
				wg.Wait()
				if l := listers["b"].listing; l.Origin != discovery.Listed || l.Took > 6*time.Second {
					t.Errorf("b: %+v, want a listing that begins within a second", l)
				}
				if l := listers["c"].listing; l.Origin != discovery.Read {
					t.Errorf("c: %+v, want b's list", l)
				}
				if b.posted() != 1 || listers["b"].calls.Load() != 1 || listers["c"].calls.Load() != 0 {
					t.Errorf("%d posts, %d and %d listings", b.posted(), listers["b"].calls.Load(), listers["c"].calls.Load())
				}
			})
		})
	}
}

func TestFallback(t *testing.T) {
	good := blob(t, 5, fleet(20), nil)
	foreign := plain(t, good)
	for name, test := range map[string]struct {
		board  *board
		took   time.Duration // before the listing
		reason string
	}{
		"nothing":      {newBoard("gone"), patience, "waiting for the list of cycle 5 of another worker: there is none after 10s"},
		"stale":        {newBoard("gone").put(4, good), patience, "of another worker: the newest is of cycle 4 after 10s"},
		"unreachable":  {&board{readErr: errDown}, 0, "reading the list of another worker: service is down"},
		"empty":        {newBoard("gone").put(5, nil), 0, "decoding the list of another worker: EOF"},
		"not a list":   {newBoard("gone").put(5, []byte("hello, I am no list")), 0, "gzip: invalid header"},
		"cut":          {newBoard("gone").put(5, good[:len(good)-9]), 0, "unexpected EOF"},
		"a flipped":    {newBoard("gone").put(5, flipped(good)), 0, "decoding the list of another worker"},
		"other format": {newBoard("gone").put(5, packed(t, strings.Replace(foreign, `"format":1`, `"format":2`, 1))), 0, "header: format 2, want 1"},
		"other ref":    {newBoard("gone").put(5, packed(t, strings.Replace(foreign, "servers:all", "volumes", 1))), 0, `a list of discovery "volumes"`},
		"no header":    {newBoard("gone").put(5, packed(t, "")), 0, "header: unexpected EOF"},
		"one missing":  {newBoard("gone").put(5, packed(t, foreign[:strings.LastIndex(foreign, `{"id"`)])), 0, "19 of 20 resources"},
		"one more":     {newBoard("gone").put(5, packed(t, foreign+"{}\n")), 0, "more than the 20 resources"},
		"other keys":   {newBoard("gone").put(5, packed(t, strings.Replace(foreign, `"id":"`, `"id":"x`, 1))), 0, "other keys"},
		"other type":   {newBoard("gone").put(5, packed(t, strings.Replace(foreign, `{"id":`, `{"id":1,"was":`, 1))), 0, "resource 0: json: cannot unmarshal"},
		"count":        {newBoard("gone").put(5, packed(t, strings.Replace(foreign, `"count":20`, `"count":2000000000`, 1))), 0, "header: 2000000000 resources"},
		"a long line":  {newBoard("gone").put(5, packed(t, foreign+strings.Repeat(" ", 17<<20))), 0, "token too long"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rs := fleet(3)
				w := newWorker(t, test.board, "b", 5, takes(time.Second, rs, nil))
				got, err := w.List(t.Context(), servers())
				if err != nil || !cmp.Equal(got, rs) {
					t.Errorf("List = %v, %v; want its own", got, err)
				}
				l := w.listing
				if l.Origin != discovery.Fallback || l.Err != nil || l.Took != test.took+time.Second {
					t.Errorf("observed %+v, want a fallback after %v", l, test.took)
				}
				if l.Reason == nil || !strings.Contains(l.Reason.Error(), test.reason) {
					t.Errorf("reason %v, want %q", l.Reason, test.reason)
				}
				synctest.Wait()
				if test.board.posted() != 0 {
					t.Error("posted although another worker lists")
				}
			})
		})
	}
}

// The lister needs longer than the others wait: they list, once each, and it posts.
func TestSlowLister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("a")
		slow := newWorker(t, b, "a", 5, takes(patience+time.Second, fleet(3), nil))
		quick := newWorker(t, b, "b", 5, takes(0, fleet(3), nil))
		var wg sync.WaitGroup
		for _, w := range []*worker{slow, quick} {
			wg.Go(func() {
				if _, err := w.List(t.Context(), servers()); err != nil {
					t.Errorf("List: %v", err)
				}
			})
		}
		wg.Wait()
		if l := quick.listing; l.Origin != discovery.Fallback || l.Took != patience {
			t.Errorf("observed %+v, want a fallback after %v", l, patience)
		}
		if err := <-slow.posted; err != nil || b.posted() != 1 {
			t.Errorf("%v, %d posts, want the lister's", err, b.posted())
		}
	})
}

// Who is elected while it lists as a fallback leaves its list for those who still wait.
func TestElectedDuringFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("gone")
		w := newWorker(t, b, "b", 5, func(context.Context, string) ([]discovery.Resource, error) {
			b.elect("b")
			return fleet(3), nil
		})
		if _, err := w.List(t.Context(), servers()); err != nil || w.listing.Origin != discovery.Fallback {
			t.Errorf("List: %v, observed %+v", err, w.listing)
		}
		if err := <-w.posted; err != nil || b.posted() != 1 {
			t.Errorf("%v, %d posts, want one", err, b.posted())
		}
	})
}

func TestNewerListIsUsed(t *testing.T) {
	rs := fleet(4)
	w := newWorker(t, newBoard("a").put(6, blob(t, 6, rs, nil)), "b", 5, takes(0, nil, errDown))
	got, err := w.List(t.Context(), servers())
	if err != nil || !cmp.Equal(got, rs) || w.listing.Origin != discovery.Read {
		t.Errorf("List = %v, %v, observed %+v; want the newer list", got, err, w.listing)
	}
}

func TestEmptyListIsAList(t *testing.T) {
	w := newWorker(t, newBoard("a").put(5, blob(t, 5, nil, nil)), "b", 5, takes(0, nil, errDown))
	if got, err := w.List(t.Context(), servers()); err != nil || len(got) != 0 || w.listing.Origin != discovery.Read {
		t.Errorf("List = %v, %v, observed %+v; want an empty list that was read", got, err, w.listing)
	}
}

func TestFailingPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard("a")
		b.postErr = errDown
		w := newWorker(t, b, "a", 5, takes(0, fleet(3), nil))
		if got, err := w.List(t.Context(), servers()); err != nil || len(got) != 3 || w.listing.Err != nil {
			t.Errorf("List = %v, %v", got, err)
		}
		if err := <-w.posted; !errors.Is(err, errDown) {
			t.Errorf("posted: %v, want why not", err)
		}
	})
}

// A list is posted although the cycle that made it is over, but not for ever.
func TestPostOutlivesTheCycle(t *testing.T) {
	for needs, want := range map[time.Duration]error{5 * time.Second: nil, time.Hour: context.DeadlineExceeded} {
		t.Run(needs.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBoard("a")
				b.postTime = needs
				w := newWorker(t, b, "a", 5, takes(0, fleet(3), nil))
				ctx, cancel := context.WithCancel(t.Context())
				start := time.Now()
				if _, err := w.List(ctx, servers()); err != nil || time.Since(start) != 0 {
					t.Errorf("List: %v after %v, want it at once", err, time.Since(start))
				}
				cancel()
				if err := <-w.posted; !errors.Is(err, want) || time.Since(start) > 10*time.Second {
					t.Errorf("posted: %v after %v, want %v", err, time.Since(start), want)
				}
			})
		})
	}
}

func TestTooLargeToShare(t *testing.T) {
	w := newWorker(t, newBoard("a"), "a", 5, takes(0, []discovery.Resource{server{Name: strings.Repeat("x", 17<<20)}}, nil))
	if _, err := w.List(t.Context(), servers()); err != nil {
		t.Errorf("List: %v", err)
	}
	if err := <-w.posted; err == nil || !strings.HasSuffix(err.Error(), "too large to be shared") {
		t.Errorf("posted: %v, want that it is too large", err)
	}
}

// A lister that fails says so, and the others try for themselves at once: the fault may be
// its own.
func TestFailureIsShared(t *testing.T) {
	for name, failure := range map[string]discover{
		"an error": takes(0, nil, fmt.Errorf("getting servers: %w\nat great length", errDown)),
		"a flood":  takes(0, nil, fmt.Errorf("getting servers: %w%s", errDown, strings.Repeat("!", 100_000))),
		"a panic":  func(context.Context, string) ([]discovery.Resource, error) { panic("getting servers: service is down") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBoard("a")
				lister, other := newWorker(t, b, "a", 5, failure), newWorker(t, b, "b", 5, failure)
				if _, err := lister.List(t.Context(), servers()); err == nil || lister.listing.Err == nil {
					t.Error("the lister has no error")
				}
				if err := <-lister.posted; err != nil {
					t.Errorf("posting: %v", err)
				}
				begun := time.Now()
				if _, err := other.List(t.Context(), servers()); err == nil || other.calls.Load() != 1 {
					t.Errorf("error %v after %d listings, want the failure of one of its own", err, other.calls.Load())
				}
				if waited := time.Since(begun); waited > 0 {
					t.Errorf("waited %v", waited)
				}
				if other.listing.Origin != discovery.Fallback || other.listing.Reason == nil {
					t.Fatalf("observed %+v, want a fallback", other.listing)
				}
				text := strings.TrimRight(strings.Replace(other.listing.Reason.Error(), "panic: ", "", 1), "!")
				if want := "another worker could not list: getting servers: service is down"; text != want || len(text) > 2000 {
					t.Errorf("reason %q, want %q", text, want)
				}
			})
		})
	}
}

// A worker that cannot list by its own fault, or is no longer the one to list, must not
// keep others from it.
func TestFailureOfOneWorkerIsKept(t *testing.T) {
	for name, test := range map[string]struct {
		construct error
		times     int // cycles, each as long as a discoverer hangs
		d         func(b *board, hung chan struct{}, end func()) discover
	}{
		"no discoverer": {construct: errDown, times: 1, d: func(*board, chan struct{}, func()) discover { return takes(0, nil, nil) }},
		"hangs": {times: 2, d: func(_ *board, hung chan struct{}, _ func()) discover {
			return func(context.Context, string) ([]discovery.Resource, error) { <-hung; return nil, nil }
		}},
		"ends": {times: 1, d: func(_ *board, _ chan struct{}, end func()) discover {
			return func(context.Context, string) ([]discovery.Resource, error) { end(); return nil, context.Canceled }
		}},
		"no longer elected": {times: 1, d: func(b *board, _ chan struct{}, _ func()) discover {
			return func(context.Context, string) ([]discovery.Resource, error) { b.elect("b"); return nil, errDown }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hung, b := make(chan struct{}), newBoard("a")
				end := func() {}
				c, _ := discovery.NewCatalog([]discovery.Plugin{{Name: "servers", Decode: decodeServer,
					New: func() (discovery.Discoverer, error) {
						return test.d(b, hung, func() { end() }), test.construct
					}}})
				for range test.times {
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					end = cancel
					cache := c.Cycle(nil, discovery.Sharing{Exchange: seat{b, "a"}, Version: 5, Patience: patience,
						Posted: func(discovery.Ref, int, error) { t.Error("told of a post") }})
					if _, err := cache.List(ctx, servers()); err == nil {
						t.Error("listed")
					}
					cancel()
					synctest.Wait()
				}
				if b.posted() != 0 {
					t.Errorf("%d posts, want none", b.posted())
				}
				close(hung)
			})
		})
	}
}

func TestReadingNeedsNoDiscoverer(t *testing.T) {
	c, _ := discovery.NewCatalog([]discovery.Plugin{{Name: "servers", Decode: decodeServer,
		New: func() (discovery.Discoverer, error) { return nil, errDown }}})
	b := newBoard("a").put(5, blob(t, 5, fleet(2), nil))
	got, err := c.Cycle(nil, discovery.Sharing{Exchange: seat{b, "b"}, Version: 5, Patience: patience}).List(t.Context(), servers())
	if err != nil || len(got) != 2 {
		t.Errorf("List = %v, %v", got, err)
	}
}

func TestWaitingForAnotherEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, newBoard("gone"), "b", 5, takes(0, fleet(3), nil))
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		_, err := w.List(ctx, servers())
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("List: %v after %v, want the deadline", err, time.Since(start))
		}
		synctest.Wait()
		if w.calls.Load() != 0 {
			t.Error("listed after the deadline")
		}
	})
}

// Decoding a long list ends with the context, too, and nothing is listed after it.
func TestDecodingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		decoded, listed := 0, false
		c := catalog(t, discovery.Plugin{Name: "servers",
			Decode: func(data []byte) (discovery.Resource, error) {
				cancel()
				decoded++
				return decodeServer(data)
			},
			New: func() (discovery.Discoverer, error) {
				return discover(func(context.Context, string) ([]discovery.Resource, error) {
					listed = true
					return nil, nil
				}), nil
			}})
		b := newBoard("a").put(5, blob(t, 5, fleet(100), nil))
		_, err := c.Cycle(nil, discovery.Sharing{Exchange: seat{b, "b"}, Version: 5, Patience: patience}).List(ctx, servers())
		synctest.Wait()
		if !errors.Is(err, context.Canceled) || decoded != 1 || listed {
			t.Errorf("List: %v after %d resources, listed %v; want it ended after one", err, decoded, listed)
		}
	})
}

// nobody fails whoever asks it.
type nobody struct{}

func (nobody) Lists(string) bool                                   { panic("asked who lists") }
func (nobody) Post(context.Context, string, int64, []byte) error   { panic("posted") }
func (nobody) Read(context.Context, string) (int64, []byte, error) { panic("read") }

func TestNotShared(t *testing.T) {
	for name, test := range map[string]struct {
		plugin  discovery.Plugin
		sharing discovery.Sharing
	}{
		"no exchange": {discovery.Plugin{Decode: decodeServer}, discovery.Sharing{}},
		"no decode":   {discovery.Plugin{}, discovery.Sharing{Exchange: nobody{}, Patience: patience}},
		"local":       {discovery.Plugin{Decode: decodeServer, Scope: discovery.Local}, discovery.Sharing{Exchange: nobody{}, Patience: patience}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.plugin.Name = "servers"
				test.plugin.New = func() (discovery.Discoverer, error) { return takes(0, fleet(3), nil), nil }
				var seen []discovery.Listing
				cache := catalog(t, test.plugin).Cycle(func(l discovery.Listing) { seen = append(seen, l) }, test.sharing)
				if got, err := cache.List(t.Context(), servers()); err != nil || len(got) != 3 {
					t.Errorf("List = %v, %v", got, err)
				}
				if want := []discovery.Listing{{Ref: servers()}}; !slices.Equal(seen, want) {
					t.Errorf("observed %+v, want %+v", seen, want)
				}
			})
		})
	}
}

func TestNoPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := catalog(t, discovery.Plugin{Name: "servers", Decode: decodeServer,
			New: func() (discovery.Discoverer, error) { return takes(time.Second, fleet(3), nil), nil }})
		var origin discovery.Origin
		_, err := c.Cycle(func(l discovery.Listing) { origin = l.Origin }, discovery.Sharing{Exchange: seat{newBoard("gone"), "b"}}).
			List(t.Context(), servers())
		if err != nil || origin != discovery.Fallback {
			t.Errorf("List: %v, origin %v", err, origin)
		}
	})
}

// odd is a resource whose methods panic, which must stay its own trouble.
type odd struct{ server }

func (odd) MarshalJSON() ([]byte, error) { panic("no JSON") }

func TestPanicsAreContained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(t, newBoard("a"), "a", 5, takes(0, []discovery.Resource{odd{}}, nil))
		if got, err := w.List(t.Context(), servers()); err != nil || len(got) != 1 {
			t.Errorf("List = %v, %v", got, err)
		}
		if err := <-w.posted; err == nil || !strings.Contains(err.Error(), "panic: no JSON") {
			t.Errorf("posted: %v, want the panic", err)
		}

		for name, decode := range map[string]func([]byte) (discovery.Resource, error){
			"panics":  func([]byte) (discovery.Resource, error) { panic("no type") },
			"nothing": func([]byte) (discovery.Resource, error) { return nil, nil },
		} {
			c := catalog(t, discovery.Plugin{Name: "servers", Decode: decode,
				New: func() (discovery.Discoverer, error) { return takes(0, fleet(1), nil), nil }})
			var seen discovery.Listing
			b := newBoard("a").put(5, blob(t, 5, fleet(1), nil))
			cache := c.Cycle(func(l discovery.Listing) { seen = l }, discovery.Sharing{Exchange: seat{b, "b"}, Version: 5, Patience: patience})
			if got, err := cache.List(t.Context(), servers()); err != nil || len(got) != 1 || seen.Origin != discovery.Fallback {
				t.Errorf("decoding %s: List = %v, %v, observed %+v", name, got, err, seen)
			}
		}

		c := catalog(t, discovery.Plugin{Name: "servers", Decode: decodeServer,
			New: func() (discovery.Discoverer, error) { return takes(0, fleet(1), nil), nil }})
		posted := make(chan error, 1)
		cache := c.Cycle(nil, discovery.Sharing{Exchange: nobody{}, Patience: patience,
			Posted: func(_ discovery.Ref, _ int, err error) { posted <- err }})
		if got, err := cache.List(t.Context(), servers()); err != nil || len(got) != 1 {
			t.Errorf("an exchange that panics: List = %v, %v", got, err)
		}
		if err := <-posted; err == nil || !strings.Contains(err.Error(), "panic: asked who lists") {
			t.Errorf("posted: %v, want the panic", err)
		}
	})
}

func TestOriginWords(t *testing.T) {
	for origin, want := range map[discovery.Origin]string{
		discovery.Listed: "listed", discovery.Read: "read", discovery.Fallback: "fallback", 9: "origin 9",
	} {
		if got := origin.String(); got != want {
			t.Errorf("origin %d is %q, want %q", uint8(origin), got, want)
		}
	}
}
