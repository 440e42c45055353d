package partition_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/partition"
)

// TestDigestPinned fails when workers of this version would refuse those of the last one.
func TestDigestPinned(t *testing.T) {
	s := partition.DefaultSettings()
	const text = "partitions=4093 replication=100 large-replication=20 load=1.25 hash=xxhash64 ring=buraksezer/consistent/v1.0.0"
	if got := s.String(); got != text {
		t.Errorf("settings are %q, want %q", got, text)
	}
	if got, want := s.Digest(), "8080ff2c7d00a8f0"; got != want {
		t.Errorf("digest is %s, want %s", got, want)
	}
}

func TestDigestTellsEverySettingApart(t *testing.T) {
	base := partition.DefaultSettings()
	seen := map[string]partition.Settings{base.Digest(): base}
	for _, change := range []func(*partition.Settings){
		func(s *partition.Settings) { s.Partitions++ },
		func(s *partition.Settings) { s.ReplicationFactor++ },
		func(s *partition.Settings) { s.LargeReplicationFactor++ },
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
	if text := partition.DefaultSettings().String(); !strings.HasSuffix(text, "buraksezer/consistent/"+version) {
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
		{partition.Settings{Partitions: 0, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: 1}, "0 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: -1, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: 1}, "-1 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: 65537, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: 1}, "65537 partitions, want 1 to 65536"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 0, LargeReplicationFactor: 1, Load: 1}, "replication factor 0, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1001, LargeReplicationFactor: 1, Load: 1}, "replication factor 1001, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 0, Load: 1}, "large replication factor 0, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 1001, Load: 1}, "large replication factor 1001, want 1 to 1000"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: 0.99}, "load 0.99, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 1}, "load 0, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: math.NaN()}, "load NaN, want a number of at least 1"},
		{partition.Settings{Partitions: 1, ReplicationFactor: 1, LargeReplicationFactor: 1, Load: math.Inf(1)}, "load +Inf, want a number of at least 1"},
	} {
		want := "checking ring settings: " + tc.want
		_, newRing := partition.NewRing(view, tc.settings)
		_, newBuilder := partition.NewBuilder(tc.settings)
		for name, err := range map[string]error{"NewRing": newRing, "NewBuilder": newBuilder, "Validate": tc.settings.Validate()} {
			if err == nil || err.Error() != want {
				t.Errorf("%s of %v: error %v, want %s", name, tc.settings, err, want)
			}
		}
	}
}

func TestDifference(t *testing.T) {
	ours := partition.DefaultSettings()
	theirs := ours
	theirs.Partitions, theirs.Load = 1009, 1.1
	for _, tc := range []struct{ name, theirs, ours, want string }{
		{"one setting", "partitions=4093 load=1.25", "partitions=1009 load=1.25", "partitions is 4093 there and 1009 here"},
		{"of real ones", theirs.String(), ours.String(), "partitions is 1009 there and 4093 here, load is 1.1 there and 1.25 here"},
		{"another order", "b=2 a=1", "a=2  b=2", "a is 1 there and 2 here"},
		{"an older version", "replication=100", "replication=100 large-replication=20", "large-replication is missing there and 20 here"},
		{"a newer version", "a=1 new=x=y", "a=1", "new is x=y there and missing here"},
		{"nothing in common", "b=2", "a=1", "a is missing there and 1 here, b is 2 there and missing here"},
		{"not settings there", "hello", "a=1", `"hello" there and "a=1" here`},
		{"not settings here", "a=1", "a=1 b", `"a=1" there and "a=1 b" here`},
		{"nothing there", "", "a=1", `"" there and "a=1" here`},
		{"a name twice", "a=1 a=2", "a=1", `"a=1 a=2" there and "a=1" here`},
		{"no name", "=1", "a=1", `"=1" there and "a=1" here`},
		{"no value", "a=", "a=1", `"a=" there and "a=1" here`},
		{"not printable", "a=\x1b[2J", "a=1", `"a=\x1b[2J" there and "a=1" here`},
		{"no difference", "a=1 b=2", "b=2 a=1", `"a=1 b=2" there and "b=2 a=1" here`},
	} {
		if got := partition.Difference(tc.theirs, tc.ours); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	err := &partition.MismatchError{Group: "g", Theirs: theirs.String(), Ours: ours.String()}
	const want = `group "g" works with other ring settings: partitions is 1009 there and 4093 here, load is 1.1 there and 1.25 here`
	if err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}
