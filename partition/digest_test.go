package partition_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/partition"
)

func TestDefaultSettings(t *testing.T) {
	want := partition.Settings{Partitions: 4093, ReplicationFactor: 100, Load: 1.25}
	for _, members := range []int{0, 1, 300} {
		if got := partition.DefaultSettings(members); got != want {
			t.Errorf("%d members: %v, want %v", members, got, want)
		}
	}
	want.ReplicationFactor = 20
	if got := partition.DefaultSettings(301); got != want {
		t.Errorf("301 members: %v, want %v", got, want)
	}
}

// TestDigestPinned fails when workers of this version would refuse those of the last one.
func TestDigestPinned(t *testing.T) {
	s := partition.DefaultSettings(1)
	const text = "partitions=4093 replication=100 load=1.25 hash=xxhash64 ring=buraksezer/consistent/v1.0.0"
	if got := s.String(); got != text {
		t.Errorf("settings are %q, want %q", got, text)
	}
	if got, want := s.Digest(), "4c48f43c53ac74eb"; got != want {
		t.Errorf("digest is %s, want %s", got, want)
	}
}

func TestDigestTellsEverySettingApart(t *testing.T) {
	base := partition.DefaultSettings(1)
	seen := map[string]partition.Settings{base.Digest(): base}
	for _, change := range []func(*partition.Settings){
		func(s *partition.Settings) { s.Partitions++ },
		func(s *partition.Settings) { s.ReplicationFactor++ },
		func(s *partition.Settings) { s.Load = math.Nextafter(s.Load, 2) },
	} {
		s := base
		change(&s)
		if other, ok := seen[s.Digest()]; ok {
			t.Errorf("%v has the digest of %v", s, other)
		}
		seen[s.Digest()] = s
	}
}

// TestDigestNamesTheLibrary keeps the version in the digest in step with the one built in.
func TestDigestNamesTheLibrary(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(mod), "github.com/buraksezer/consistent ")
	if !ok {
		t.Fatal("go.mod does not name the library")
	}
	version, _, _ := strings.Cut(rest, "\n")
	if text := partition.DefaultSettings(1).String(); !strings.HasSuffix(text, "buraksezer/consistent/"+version) {
		t.Errorf("settings %q do not name version %s", text, version)
	}
}

func TestSettingsRefused(t *testing.T) {
	view, err := partition.NewView(1, partition.Member{ID: "a", Weight: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		settings partition.Settings
		want     string
	}{
		{partition.Settings{Partitions: 0, ReplicationFactor: 1, Load: 1}, "0 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: -1, ReplicationFactor: 1, Load: 1}, "-1 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: 65537, ReplicationFactor: 1, Load: 1}, "65537 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 0, Load: 1}, "replication factor 0, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1001, Load: 1}, "replication factor 1001, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, Load: 0.99}, "load 0.99, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1}, "load 0, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, Load: math.NaN()}, "load NaN, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, Load: math.Inf(1)}, "load +Inf, want a number of at least 1"},
	} {
		if _, err := partition.NewRing(view, tc.settings); err == nil || err.Error() != "checking ring settings: "+tc.want {
			t.Errorf("%v: error %v, want %s", tc.settings, err, tc.want)
		}
	}
}
