package discovery_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/discovery"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type discover func(ctx context.Context, param string) ([]discovery.Resource, error)

func (d discover) Discover(ctx context.Context, param string) ([]discovery.Resource, error) {
	return d(ctx, param)
}

func plugin(name string, d discover) discovery.Plugin {
	return discovery.Plugin{Name: name, New: func() (discovery.Discoverer, error) { return d, nil }}
}

func catalog(t *testing.T, plugins ...discovery.Plugin) *discovery.Catalog {
	t.Helper()
	c, faults := discovery.NewCatalog(plugins)
	if len(faults) > 0 {
		t.Fatalf("faults: %v", faults)
	}
	return c
}

func TestListedOncePerCycle(t *testing.T) {
	for name, failure := range map[string]error{"a list": nil, "an error": errors.New("down")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int32
				c := catalog(t, plugin("d", func(ctx context.Context, param string) ([]discovery.Resource, error) {
					calls.Add(1)
					<-time.After(time.Second) // all the others arrive meanwhile
					return []discovery.Resource{discovery.Static(param)}, failure
				}))
				var observed []time.Duration
				cache := c.Cycle(func(l discovery.Listing) {
					if !errors.Is(l.Err, failure) || l.Origin != discovery.Listed || l.Reason != nil {
						t.Errorf("observed %+v, want one listed here, with error %v", l, failure)
					}
					observed = append(observed, l.Took)
				}, discovery.Sharing{})
				ref := discovery.Ref{Name: "d", Param: "p"}
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() {
						got, err := cache.List(t.Context(), ref)
						if !errors.Is(err, failure) {
							t.Errorf("List: %v, want %v", err, failure)
						}
						if failure == nil && (len(got) != 1 || got[0].ResourceKey() != "p") {
							t.Errorf("List = %v", got)
						}
						if failure != nil && got != nil {
							t.Errorf("List = %v beside an error", got)
						}
					})
				}
				wg.Wait()
				if n := calls.Load(); n != 1 || len(observed) != 1 || observed[0] != time.Second {
					t.Errorf("%d calls, observed %v, want one of a second", n, observed)
				}
				if _, err := c.Cycle(nil, discovery.Sharing{}).List(t.Context(), ref); !errors.Is(err, failure) || calls.Load() != 2 {
					t.Errorf("the next cycle: %v, %d calls in all; want a call of its own", err, calls.Load())
				}
				if _, err := cache.List(t.Context(), discovery.Ref{Name: "d"}); !errors.Is(err, failure) || calls.Load() != 3 {
					t.Errorf("another parameter: %v, %d calls in all; want a call of its own", err, calls.Load())
				}
			})
		})
	}
}

func TestHangingDiscoverer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		c := catalog(t,
			plugin("hangs", func(context.Context, string) ([]discovery.Resource, error) {
				calls.Add(1)
				<-release
				return nil, nil
			}),
			plugin("works", func(context.Context, string) ([]discovery.Resource, error) { return nil, nil }))
		ref := discovery.Ref{Name: "hangs"}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Cycle(nil, discovery.Sharing{}).List(ctx, ref); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("List: %v, want the deadline", err)
		}
		if _, err := c.Cycle(nil, discovery.Sharing{}).List(t.Context(), ref); !errors.Is(err, discovery.ErrHanging) || calls.Load() != 1 {
			t.Errorf("List in the next cycle: %v after %d calls, want ErrHanging after 1", err, calls.Load())
		}
		if _, err := c.Cycle(nil, discovery.Sharing{}).List(t.Context(), discovery.Ref{Name: "works"}); err != nil {
			t.Errorf("List of another: %v", err)
		}
		close(release)
		synctest.Wait()
		if _, err := c.Cycle(nil, discovery.Sharing{}).List(t.Context(), ref); err != nil || calls.Load() != 2 {
			t.Errorf("List after it came back: %v after %d calls", err, calls.Load())
		}
	})
}

// A second asker must not wait longer than its own context.
func TestWaitingEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		cache := catalog(t, plugin("d", func(context.Context, string) ([]discovery.Resource, error) {
			<-release
			return nil, nil
		})).Cycle(nil, discovery.Sharing{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := cache.List(t.Context(), discovery.Ref{Name: "d"}); err != nil {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := cache.List(ctx, discovery.Ref{Name: "d"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second: %v, want its deadline", err)
		}
		close(release)
		wg.Wait()
	})
}

func TestFaults(t *testing.T) {
	down := errors.New("no libvirt here")
	c, faults := discovery.NewCatalog([]discovery.Plugin{
		{Name: "fails", New: func() (discovery.Discoverer, error) { return nil, down }},
		{Name: "panics", New: func() (discovery.Discoverer, error) { panic("boom") }},
		plugin("bad day", func(context.Context, string) ([]discovery.Resource, error) { panic("bang") }),
		plugin("works", func(context.Context, string) ([]discovery.Resource, error) { return nil, nil }),
		plugin("works", nil),
		{Name: "host", Scope: discovery.Local, New: func() (discovery.Discoverer, error) { return nil, nil }},
	})
	if len(faults) != 3 {
		t.Errorf("faults %v, want 3", faults)
	}
	if c.Scope("host") != discovery.Local || c.Scope("works") != discovery.Shared || c.Scope("?") != discovery.Shared {
		t.Error("scopes are not those of the plugins")
	}
	cache := c.Cycle(nil, discovery.Sharing{})
	for name, want := range map[string]string{
		"fails":   `constructing discovery "fails": no libvirt here`,
		"panics":  `constructing discovery "panics": panic: boom`,
		"bad day": `listing discovery "bad day": panic: bang`,
		"?":       `listing discovery "?": no such discovery`,
		"works":   "",
	} {
		_, err := cache.List(t.Context(), discovery.Ref{Name: name})
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("List(%q): %v, want %q", name, err, want)
		}
	}
	if _, err := cache.List(t.Context(), discovery.Ref{Name: "?"}); !errors.Is(err, discovery.ErrUnknown) {
		t.Errorf("%v is not ErrUnknown", err)
	}
}
