package metering_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tinylib/msgp/msgp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

func unpack(t rapid.TB, packed []byte) map[string]any {
	t.Helper()
	v, rest, err := msgp.ReadIntfBytes(packed)
	if err != nil || len(rest) != 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	return v.(map[string]any)
}

func TestMsgpackMembers(t *testing.T) {
	s := metering.Sample{
		Type: metering.Delta, Volume: metering.Float(math.Inf(-1)), MonotonicTime: metering.Uint(math.MaxUint64), Signature: "sig",
		Metadata: `{"a":1,"b":[-1,1.5,"x",true,null,{}],"a":"last","huge":18446744073709551616,"nested":{"k":{}},"over":1e400}`,
		Extra:    `"publisher_id":"theirs","x":[1]`,
	}
	for publisher, want := range map[string]string{"": "theirs", "ours": "ours"} {
		wanted := map[string]any{
			"source": "", "counter_name": "", "counter_type": "delta", "counter_unit": "", "counter_volume": math.Inf(-1),
			"user_id": nil, "user_name": nil, "project_id": nil, "project_name": nil, "resource_id": "", "timestamp": "",
			"resource_metadata": map[string]any{
				"a": "last", "b": []any{int64(-1), 1.5, "x", true, nil, map[string]any{}},
				"huge": "18446744073709551616", "nested": map[string]any{"k": map[string]any{}}, "over": math.Inf(1),
			},
			"message_id": "", "monotonic_time": uint64(math.MaxUint64), "message_signature": "sig",
			"x": []any{uint64(1)}, "publisher_id": want,
		}
		if diff := cmp.Diff(wanted, normal(unpack(t, s.AppendMsgpack(nil, publisher)))); diff != "" {
			t.Errorf("publisher %q: %s", publisher, diff)
		}
	}
}

// normal gives integers the type of their sign, whichever form they were packed in.
func normal(v any) any {
	switch v := v.(type) {
	case int64:
		if v >= 0 {
			return uint64(v)
		}
	case map[string]any:
		for key, e := range v {
			v[key] = normal(e)
		}
	case []any:
		for i, e := range v {
			v[i] = normal(e)
		}
	}
	return v
}

func TestMsgpackHoldsTheMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSample().Draw(t, "sample")
		metadata := genMap(2).Draw(t, "metadata")
		s.Metadata = metering.MetadataOf(metadata)
		got := unpack(t, s.AppendMsgpack(nil, ""))
		if s.Name != got["counter_name"] || s.ResourceID != got["resource_id"] || s.ID != got["message_id"] {
			t.Fatalf("%+v is %v", s, got)
		}
		// Read back through MetadataOf, which knows all the types msgpack has.
		again := decodeAny(t, string(metering.MetadataOf(map[string]any{"m": got["resource_metadata"]})))
		if diff := cmp.Diff(any(map[string]any{"m": metadata}), again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
