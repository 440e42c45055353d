package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pollster"
)

// target is a small service that workers meter, and that records who polled what when: a
// witness that knows nothing of rings.
type target struct {
	server *httptest.Server
	things int

	mu    sync.Mutex
	lists int
	polls []witnessed
}

// witnessed is one poll.
type witnessed struct {
	at          time.Time
	thing, from string
}

func newTarget(t *testing.T, things int) *target {
	g := &target{things: things}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /things", func(w http.ResponseWriter, _ *http.Request) {
		g.mu.Lock()
		g.lists++
		g.mu.Unlock()
		_ = json.NewEncoder(w).Encode(g.names()) // the client notices
	})
	mux.HandleFunc("GET /things/{thing}", func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.polls = append(g.polls, witnessed{time.Now(), r.PathValue("thing"), r.Header.Get("From")})
		fmt.Fprintln(w, 1)
	})
	g.server = httptest.NewServer(mux)
	t.Cleanup(g.server.Close)
	return g
}

func (g *target) names() []string {
	names := make([]string, g.things)
	for i := range names {
		names[i] = fmt.Sprintf("thing-%03d", i)
	}
	return names
}

// seen is what was polled since a moment, in order.
func (g *target) seen(since time.Time) []witnessed {
	g.mu.Lock()
	defer g.mu.Unlock()
	var seen []witnessed
	for _, p := range g.polls {
		if p.at.After(since) {
			seen = append(seen, p)
		}
	}
	return seen
}

// targetTables are the plugins that meter a target, for pollers of tests.
func targetTables(url, member string) tables {
	c := client{url, member, &http.Client{Timeout: 5 * time.Second}}
	return tables{
		discoveries: func(string) []discovery.Plugin {
			return []discovery.Plugin{{Name: "things", Namespaces: []string{"central"},
				New: func() (discovery.Discoverer, error) { return c, nil },
				Decode: func(data []byte) (discovery.Resource, error) {
					var name thing
					err := json.Unmarshal(data, &name)
					return name, err
				}}}
		},
		pollsters: func() []pollster.Plugin {
			return []pollster.Plugin{{Name: "thing", Meters: []pollster.Meter{{Name: "thing"}}, Namespaces: []string{"central"},
				Discovery: "things", PerResource: true,
				New: func() (pollster.Pollster, error) { return pollster.Bind(c.poll), nil }}}
		},
	}
}

// client reads a target.
type client struct {
	url, member string
	http        *http.Client
}

type thing string

// ResourceKey is its name.
func (t thing) ResourceKey() string { return string(t) }

func (c client) get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("From", c.member)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = errors.New(resp.Status)
	}
	return body, err
}

// Discover lists the things.
func (c client) Discover(ctx context.Context, _ string) ([]discovery.Resource, error) {
	body, err := c.get(ctx, "/things")
	if err != nil {
		return nil, err
	}
	var names []thing
	if err := json.Unmarshal(body, &names); err != nil {
		return nil, err
	}
	var all []discovery.Resource
	for _, name := range names {
		all = append(all, name)
	}
	return all, nil
}

func (c client) poll(ctx context.Context, things []thing) iter.Seq2[metering.Sample, error] {
	return func(yield func(metering.Sample, error) bool) {
		for _, t := range things {
			body, err := c.get(ctx, "/things/"+string(t))
			s := metering.Sample{Name: "thing", Type: metering.Gauge, ResourceID: string(t), Volume: metering.Int(1)}
			if err == nil && strings.TrimSpace(string(body)) != "1" {
				err = fmt.Errorf("reading %s: %q", t, body)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}
