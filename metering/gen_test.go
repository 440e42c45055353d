package metering_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

// Generators of what the property tests share.

func genString() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z.:'"\\é\n]{0,12}`))
}

func genText() *rapid.Generator[metering.Text] {
	return rapid.Custom(func(t *rapid.T) metering.Text {
		if rapid.Bool().Draw(t, "null") {
			return metering.Text{}
		}
		return metering.TextOf(genString().Draw(t, "text"))
	})
}

func genFloat() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64(), rapid.Float64Range(-1e18, 1e18), rapid.Float64Range(-1e-3, 1e-3),
		rapid.Map(rapid.Int64(), func(v int64) float64 { return float64(v) }))
}

func genVolume() *rapid.Generator[metering.Volume] {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), metering.Int),
		rapid.Map(rapid.Uint64(), metering.Uint),
		rapid.Map(genFloat(), metering.Float),
		rapid.SampledFrom([]metering.Volume{
			{}, metering.Float(math.NaN()), metering.Float(math.Inf(1)), metering.Float(math.Inf(-1)),
		}))
}

// genValue draws what encoding/json decodes to with numbers kept as text.
func genValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		genString().AsAny(),
		rapid.Map(rapid.Int64(), func(v int64) any { return json.Number(fmt.Sprint(v)) }),
		rapid.Map(rapid.Uint64(), func(v uint64) any { return json.Number(fmt.Sprint(v)) }),
		rapid.Map(genFloat(), func(v float64) any { return json.Number(metering.Float(v).String()) }),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.SliceOfN(genValue(depth-1), 0, 4).AsAny(),
		genMap(depth-1).AsAny())...)
}

func genMap(depth int) *rapid.Generator[map[string]any] {
	return rapid.MapOfN(genString(), genValue(depth), 0, 6)
}

func genSample() *rapid.Generator[metering.Sample] {
	return rapid.Custom(func(t *rapid.T) metering.Sample {
		text := func(label string) string { return genString().Draw(t, label) }
		return metering.Sample{
			Name: text("name"), Unit: text("unit"), Source: text("source"),
			Type:   rapid.SampledFrom([]metering.Type{metering.Gauge, metering.Cumulative, metering.Delta}).Draw(t, "type"),
			Volume: genVolume().Draw(t, "volume"), MonotonicTime: genVolume().Draw(t, "monotonic"),
			UserID: genText().Draw(t, "user"), UserName: genText().Draw(t, "user name"),
			ProjectID: genText().Draw(t, "project"), ProjectName: genText().Draw(t, "project name"),
			ResourceID: text("resource"), Timestamp: text("timestamp"), ID: text("id"),
			Metadata: metering.MetadataOf(genMap(2).Draw(t, "metadata")),
			Extra:    rapid.SampledFrom([]string{"", "", `"publisher_id":"a"`, `"z":[1,"a"],"a":{"b":null}`}).Draw(t, "extra"),
		}
	})
}

// render writes a value as JSON as no encoder of ours does: with space between the tokens
// and with escapes that need not be.
func render(t *rapid.T, v any) string {
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t "})
	switch v := v.(type) {
	case map[string]any:
		var b strings.Builder
		b.WriteString("{" + space.Draw(t, "space"))
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString("," + space.Draw(t, "space"))
			}
			b.WriteString(render(t, key) + space.Draw(t, "space") + ":" + space.Draw(t, "space") + render(t, v[key]) + space.Draw(t, "space"))
		}
		return b.String() + "}"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = space.Draw(t, "space") + render(t, e) + space.Draw(t, "space")
		}
		return "[" + strings.Join(parts, ",") + "]"
	case string:
		if rapid.Bool().Draw(t, "ascii") {
			return escapeAll(v)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func escapeAll(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r > 0xffff {
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)
			continue
		}
		fmt.Fprintf(&b, `\u%04x`, r)
	}
	return `"` + b.String() + `"`
}

// decodeAny is encoding/json with exact numbers.
func decodeAny(t rapid.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}
