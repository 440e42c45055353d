package host_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/discovery/host"
)

func TestLocalNodeIsTheConfiguredHost(t *testing.T) {
	plugins := host.Plugins("compute-7.example.org")
	if len(plugins) != 1 {
		t.Fatalf("got %d discoveries, want 1", len(plugins))
	}
	p := plugins[0]
	if p.Name != "local_node" || p.Scope != discovery.Local {
		t.Errorf("got %q of scope %d, want local_node of scope Local", p.Name, p.Scope)
	}
	if diff := cmp.Diff([]string{"host"}, p.Namespaces); diff != "" {
		t.Errorf("namespaces (-want +got):\n%s", diff)
	}
	d, err := p.New()
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Discover(t.Context(), "ignored")
	if err != nil {
		t.Fatal(err)
	}
	want := []discovery.Resource{host.Node{Host: "compute-7.example.org"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if key := got[0].ResourceKey(); key != "node/compute-7.example.org" {
		t.Errorf("resource key %q", key)
	}
}
