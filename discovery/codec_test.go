package discovery_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/discovery"
)

// plain is what a list holds.
func plain(t testing.TB, data []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// flipped is data with one bit changed in the middle.
func flipped(data []byte) []byte {
	data = slices.Clone(data)
	data[len(data)/2] ^= 1
	return data
}

// Whatever a lister has, the others get the same: the list, or none if it cannot travel.
func TestListsTravelWhole(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"<&>", "\u2028", "a\nb", "\x00", `"\`}))
	resources := rapid.SliceOf(rapid.Custom(func(t *rapid.T) discovery.Resource {
		return server{
			ID:       texts.Draw(t, "id"),
			Name:     texts.Draw(t, "name"),
			Metadata: rapid.MapOfN(texts, texts, 1, 3).Draw(t, "metadata"),
		}
	}))
	c := catalog(t, discovery.Plugin{Name: "servers", Decode: decodeServer,
		New: func() (discovery.Discoverer, error) { return takes(0, nil, errDown), nil }})
	rapid.Check(t, func(rt *rapid.T) {
		rs := resources.Draw(rt, "resources")
		b := newBoard("a").put(5, blob(t, 5, rs, nil))
		got, err := c.Cycle(nil, discovery.Sharing{Exchange: seat{b, "b"}, Version: 5, Patience: time.Minute}).List(t.Context(), servers())
		if err != nil {
			rt.Fatalf("List: %v", err)
		}
		if len(got) != len(rs) || len(rs) > 0 && !cmp.Equal(rs, got) {
			rt.Errorf("resources (-want +got):\n%s", cmp.Diff(rs, got))
		}
	})
}

// A key that JSON cannot carry is noticed by who reads it, who then lists.
func TestKeyThatCannotTravel(t *testing.T) {
	rs := []discovery.Resource{server{ID: "\xff"}}
	w := newWorker(t, newBoard("a").put(5, blob(t, 5, rs, nil)), "b", 5, takes(0, rs, nil))
	if got, err := w.List(t.Context(), servers()); err != nil || !cmp.Equal(got, rs) || w.listing.Origin != discovery.Fallback {
		t.Errorf("List = %q, %v, observed %+v; want its own", got, err, w.listing)
	}
}

// FuzzList reads lists of any content: what is accepted is left again with the same keys.
func FuzzList(f *testing.F) {
	good := blob(f, 5, fleet(3), nil)
	f.Add([]byte(plain(f, good)), true)
	f.Add([]byte(plain(f, blob(f, 5, nil, errDown))), true)
	f.Add(good, false)
	f.Add(good[:len(good)-9], false)
	f.Add([]byte("{}\n"), true)
	c, _ := discovery.NewCatalog([]discovery.Plugin{{Name: "servers", Decode: decodeServer,
		New: func() (discovery.Discoverer, error) { return takes(0, nil, nil), nil }}})
	read := func(t *testing.T, data []byte) ([]discovery.Resource, discovery.Listing) {
		var seen discovery.Listing
		rs, err := c.Cycle(func(l discovery.Listing) { seen = l }, discovery.Sharing{
			Exchange: seat{newBoard("a").put(5, data), "b"}, Version: 5, Patience: time.Minute,
		}).List(context.WithoutCancel(t.Context()), servers())
		if (err == nil) != (seen.Err == nil) || err != nil && seen.Origin != discovery.Read {
			t.Errorf("List: %v, observed %+v", err, seen)
		}
		return rs, seen
	}
	f.Fuzz(func(t *testing.T, data []byte, pack bool) {
		if pack {
			data = packed(t, string(data))
		}
		rs, seen := read(t, data)
		if seen.Origin != discovery.Read || seen.Err != nil {
			return
		}
		again, seen := read(t, blob(t, 5, rs, nil))
		if seen.Origin != discovery.Read || !slices.EqualFunc(rs, again, func(a, b discovery.Resource) bool { return a.ResourceKey() == b.ResourceKey() }) {
			t.Errorf("%v was accepted, but comes back as %v (%+v)", rs, again, seen)
		}
	})
}

const benchSize = 10_000

func report(b *testing.B, size int) {
	b.ReportMetric(float64(size)/benchSize, "bytes/resource")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSize, "ns/resource")
}

func BenchmarkLeave(b *testing.B) {
	rs := fleet(benchSize)
	var data []byte
	for b.Loop() {
		data = blob(b, 5, rs, nil)
	}
	report(b, len(data))
}

func BenchmarkRead(b *testing.B) {
	data := blob(b, 5, fleet(benchSize), nil)
	c, _ := discovery.NewCatalog([]discovery.Plugin{{Name: "servers", Decode: decodeServer,
		New: func() (discovery.Discoverer, error) { return takes(0, nil, errDown), nil }}})
	s := discovery.Sharing{Exchange: seat{newBoard("a").put(5, data), "b"}, Version: 5, Patience: time.Minute}
	for b.Loop() {
		if rs, err := c.Cycle(nil, s).List(b.Context(), servers()); err != nil || len(rs) != benchSize {
			b.Fatalf("%d resources, %v", len(rs), err)
		}
	}
	report(b, len(data))
}
