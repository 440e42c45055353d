package metering_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

func TestMetadataOf(t *testing.T) {
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, `null`},
		{"a\"b\\c\n\x01é\xff", `"a\"b\\c\n\u0001é` + "\uFFFD" + `"`},
		{metering.TextOf("t"), `"t"`},
		{metering.Text{}, `null`},
		{true, `true`},
		{-3, `-3`},
		{int64(math.MinInt64), `-9223372036854775808`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{1.0, `1.0`},
		{math.Inf(1), `Infinity`},
		{metering.Int(9), `9`},
		{json.Number("1.2300"), `1.2300`},
		{json.Number("12345678901234567890123"), `12345678901234567890123`},
		{json.Number("x"), `"x"`},
		{json.Number(""), `0`},
		{metering.Metadata(`{"x": 1}`), `{"x": 1}`},
		{metering.Metadata(""), `{}`},
		{map[string]any{"z": 1, "a": []any{"b", nil}}, `{"a":["b",null],"z":1}`},
		{map[string]any(nil), `{}`},
		{map[string]string{"z": "1", "a": ""}, `{"a":"","z":"1"}`},
		{[]any{}, `[]`},
		{[]string{"x", "y"}, `["x","y"]`},
		{uint8(7), `7`},
		{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), `"2026-01-02T03:04:05Z"`},
		{make(chan int), `null`},
	} {
		if got, want := metering.MetadataOf(map[string]any{"k": tt.value}), `{"k":`+tt.want+`}`; string(got) != want {
			t.Errorf("%#v is %s, want %s", tt.value, got, want)
		}
	}
	if got := metering.MetadataOf(map[string]any{}); got != "" {
		t.Errorf("the empty map is %q", got)
	}
}

func TestMetadataOfReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := genMap(3).Filter(func(m map[string]any) bool { return len(m) > 0 }).Draw(t, "map")
		got := decodeAny(t, string(metering.MetadataOf(m)))
		if diff := cmp.Diff(any(m), got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestMetadataOfIsBounded(t *testing.T) {
	loop := map[string]any{}
	loop["self"] = []any{loop}
	s := sampleOf(1)
	s.Metadata = metering.MetadataOf(loop)
	if _, err := metering.DecodeBatch(nil, string(metering.AppendBatch(nil, []metering.Sample{s}))); err != nil {
		t.Error(err)
	}
}

func TestMetadataLookup(t *testing.T) {
	const m = metering.Metadata(` {"a": 1, "b" : "x\"y", "c":{"d":[1, 2], "e\u0066":true, "n":null}, "a":2.50, "big":12345678901234567890123}`)
	for _, tt := range []struct {
		path  []string
		value string
		ok    bool
		text  string
	}{
		{[]string{"a"}, "2.50", true, "2.50"},
		{[]string{"b"}, `"x\"y"`, true, `x"y`},
		{[]string{"c", "d"}, "[1, 2]", true, ""},
		{[]string{"c", "ef"}, "true", true, "true"},
		{[]string{"c", "n"}, "null", true, ""},
		{[]string{"big"}, "12345678901234567890123", true, "12345678901234567890123"},
		{[]string{"c", "x"}, "", false, ""},
		{[]string{"b", "x"}, "", false, ""},
		{[]string{"c", "d", "x"}, "", false, ""},
	} {
		value, ok := m.Lookup(tt.path...)
		if value != tt.value || ok != tt.ok {
			t.Errorf("Lookup(%q) = %q, %t", tt.path, value, ok)
		}
		if got := m.Text(tt.path...); got != tt.text {
			t.Errorf("Text(%q) = %q", tt.path, got)
		}
	}
	if value, ok := metering.Metadata("").Lookup(); value != "{}" || !ok {
		t.Errorf("the empty metadata is %q, %t", value, ok)
	}
}

func TestMetadataFields(t *testing.T) {
	var got []string
	for key, value := range metering.Metadata(`{"a":1, "\u0062": "x", "c" : [ ]}`).Fields() {
		got = append(got, fmt.Sprint(key, "=", value))
	}
	if diff := cmp.Diff([]string{"a=1", `b="x"`, "c=[ ]"}, got); diff != "" {
		t.Error(diff)
	}
	for key := range metering.Metadata(`{"a":1,"b":2}`).Fields() {
		if key == "b" {
			t.Error("went on after break")
		}
		break
	}
	for _, bad := range []metering.Metadata{"", "[1]", `"`, "x", " ", `{"a"`, `{"a":`} {
		for key, value := range bad.Fields() {
			t.Errorf("%q has %q: %q", bad, key, value)
		}
	}
}
