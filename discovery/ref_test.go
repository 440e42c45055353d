package discovery_test

import (
	"errors"
	"testing"

	"github.com/ringmeter/ringmeter/discovery"
)

func TestParseRef(t *testing.T) {
	for _, test := range []struct {
		text string
		want discovery.Ref
		form string // of String
	}{
		{"local_node", discovery.Ref{Name: "local_node"}, "local_node"},
		{"endpoint:compute", discovery.Ref{Name: "endpoint", Param: "compute"}, "endpoint:compute"},
		{"endpoint://compute", discovery.Ref{Name: "endpoint", Param: "compute"}, "endpoint:compute"},
		{"barbican:", discovery.Ref{Name: "barbican"}, "barbican"},
		{"tripleo:http://a:80/b", discovery.Ref{Name: "tripleo", Param: "http://a:80/b"}, "tripleo:http://a:80/b"},
		{"x:////y", discovery.Ref{Name: "x", Param: "//y"}, "x:////y"},
	} {
		got, err := discovery.ParseRef(test.text)
		if err != nil || got != test.want || got.String() != test.form {
			t.Errorf("ParseRef(%q) = %#v (%s), %v; want %#v (%s)", test.text, got, got, err, test.want, test.form)
		}
	}
}

func TestParseRefRefused(t *testing.T) {
	for _, text := range []string{"", ":", ":compute", "//compute", "two words", "a b:c", "a/b"} {
		if got, err := discovery.ParseRef(text); !errors.Is(err, discovery.ErrRef) {
			t.Errorf("ParseRef(%q) = %#v, %v; want ErrRef", text, got, err)
		}
	}
}

func FuzzParseRef(f *testing.F) {
	for _, text := range []string{"a", "a:b", "a://b", "a:////b", "a:", ":", "a::b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, err := discovery.ParseRef(text)
		if err != nil {
			return
		}
		again, err := discovery.ParseRef(ref.String())
		if err != nil || again != ref {
			t.Errorf("ParseRef(%q) = %#v, but its form %q is read as %#v, %v", text, ref, ref, again, err)
		}
	})
}
