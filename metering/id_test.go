package metering_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

// Ids must never change: workers of two releases poll one cycle during an upgrade.
func TestSampleIDGolden(t *testing.T) {
	for _, tt := range []struct {
		source, resource, meter string
		cycle                   int64
		n                       int
		want                    string
	}{
		{"", "", "", 0, 0, "f628aee6-2df1-8172-be5a-180144a8b8c8"},
		{"openstack", "r1", "cpu", 0, 0, "ebefd7ac-b550-8e86-86e0-7c17a5f54d37"},
		{"openstack", "r1", "cpu", 0, 1, "a2e5051a-4ba0-810e-bf0f-a738ed87cb8d"},
		{"openstack", "r1", "cpu", 1, 0, "6b521b0b-1262-894b-b430-b4318c933f12"},
		{"openstack", "5b3e1f0c-8a0e-4c5e-9a51-1f0c8a0e4c5e", "disk.device.read.bytes", 29_000_000, 3, "3a23b817-c122-8b57-9c5d-77eceaf1e8e8"},
		{"é", "\x00", "日本", -1, -1, "c556e079-cfb6-8563-abb5-5976bce2c0d1"},
	} {
		if got := metering.SampleID(tt.source, tt.resource, tt.meter, tt.cycle, tt.n); got != tt.want {
			t.Errorf("SampleID(%q, %q, %q, %d, %d) = %s, want %s", tt.source, tt.resource, tt.meter, tt.cycle, tt.n, got, tt.want)
		}
	}
}

func TestSampleIDIsUUIDOfItsFields(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	type fields struct {
		source, resource, meter string
		cycle                   int64
		n                       int
	}
	// Few letters, so that neighbouring texts often differ by where one of them ends.
	gen := rapid.Custom(func(t *rapid.T) fields {
		text := rapid.StringMatching(`[a\x00]{0,3}`)
		small := rapid.Int64Range(-1, 2)
		return fields{text.Draw(t, "source"), text.Draw(t, "resource"), text.Draw(t, "meter"), small.Draw(t, "cycle"), int(small.Draw(t, "n"))}
	})
	id := func(f fields) string { return metering.SampleID(f.source, f.resource, f.meter, f.cycle, f.n) }
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if !form.MatchString(id(a)) {
			t.Fatalf("%s is no UUID of version 8", id(a))
		}
		if (a == b) != (id(a) == id(b)) {
			t.Fatalf("%+v is %s, %+v is %s", a, id(a), b, id(b))
		}
	})
}

func TestSampleIDAllocatesItsTextOnly(t *testing.T) {
	var id string
	if n := testing.AllocsPerRun(100, func() { id = metering.SampleID("openstack", "r1", "cpu", 7, 0) }); n != 1 {
		t.Errorf("%v allocations for %s", n, id)
	}
}
