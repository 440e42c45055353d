package metering_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

const smallest = `{"counter_name":"m","counter_type":"gauge","counter_unit":"u","counter_volume":1,"resource_id":"r","timestamp":"t","message_id":"i"}`

// with is smallest with further members, which override those before them.
func with(members string) string { return strings.TrimSuffix(smallest, "}") + "," + members + "}" }

func TestDecodeSample(t *testing.T) {
	base := metering.Sample{
		Name: "m", Type: metering.Gauge, Unit: "u", Volume: metering.Int(1), ResourceID: "r", Timestamp: "t", ID: "i",
	}
	for _, tt := range []struct {
		name, message string
		change        func(*metering.Sample)
	}{
		{"smallest", smallest, func(*metering.Sample) {}},
		{"space around", " \n" + smallest + "\t\r ", func(*metering.Sample) {}},
		{"nulls", with(`"source":null,"user_id":null,"resource_metadata":null,"monotonic_time":null,"message_signature":null`),
			func(*metering.Sample) {}},
		{"empty text is not null", with(`"user_id":""`), func(s *metering.Sample) { s.UserID = metering.TextOf("") }},
		{"null volume", with(`"counter_volume":null`), func(s *metering.Sample) { s.Volume = metering.Volume{} }},
		{"text volume", with(`"counter_volume":" 18446744073709551615"`), func(s *metering.Sample) { s.Volume = metering.Uint(1<<64 - 1) }},
		{"escaped text volume", with(`"counter_volume":"\u0031.5"`), func(s *metering.Sample) { s.Volume = metering.Float(1.5) }},
		{"boolean volume", with(`"counter_volume":true`), func(*metering.Sample) {}},
		{"false volume", with(`"counter_volume":false`), func(s *metering.Sample) { s.Volume = metering.Int(0) }},
		{"whole float stays a float", with(`"counter_volume":1.0`), func(s *metering.Sample) { s.Volume = metering.Float(1) }},
		{"Python infinity", with(`"counter_volume":-Infinity`), func(s *metering.Sample) { s.Volume, _ = metering.ParseVolume("-inf") }},
		{"Python NaN", with(`"counter_volume":NaN`), func(s *metering.Sample) { s.Volume, _ = metering.ParseVolume("nan") }},
		{"last one wins", with(`"resource_id":5,"resource_id":"r2"`), func(s *metering.Sample) { s.ResourceID = "r2" }},
		{"escaped key", with(`"resource\u005fid":"r2"`), func(s *metering.Sample) { s.ResourceID = "r2" }},
		{"escapes", with(`"source":"\"\\\/\b\f\n\r\té\u00e9\ud83d\ude00"`), func(s *metering.Sample) { s.Source = "\"\\/\b\f\n\r\téé😀" }},
		{"half surrogates", with(`"source":"\ud800x\udc00\ud800\u0041\ud800\ud83d\ude00"`),
			func(s *metering.Sample) { s.Source = "\uFFFDx\uFFFD\uFFFDA\uFFFD😀" }},
		{"invalid UTF-8", with("\"source\":\"a\xff\xfe\",\"resource_metadata\":{\"k\":\"\xc3\"}"),
			func(s *metering.Sample) { s.Source, s.Metadata = "a\uFFFD\uFFFD", "{\"k\":\"\uFFFD\"}" }},
		{"metadata stays raw", with(`"resource_metadata": { "a" : [1.50, NaN], "b":"\u00e9"} `),
			func(s *metering.Sample) { s.Metadata = `{ "a" : [1.50, NaN], "b":"\u00e9"}` }},
		{"empty metadata", with(`"resource_metadata":{ }`), func(*metering.Sample) {}},
		{"extra", with(`"publisher_id": "p" , "source":"s", "x y" : {"z":[ ]},"n":1e400`),
			func(s *metering.Sample) { s.Source, s.Extra = "s", `"publisher_id":"p","x y":{"z":[ ]},"n":1e400` }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := base
			tt.change(&want)
			if got, err := metering.DecodeSample(tt.message); err != nil || got != want {
				t.Errorf("decoded %+v, %v\nwant %+v", got, err, want)
			}
		})
	}
}

func TestDecodeSampleErrors(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":[`, n) + strings.Repeat(`]}`, n) }
	for _, tt := range []struct{ message, want string }{
		{``, "malformed"},
		{`[]`, "is not an object"},
		{`null`, "is not an object"},
		{smallest + `,`, "malformed or too deeply nested JSON at byte 132"},
		{smallest + smallest, "malformed"},
		{smallest[:len(smallest)-1], "malformed"},
		{with(``), "malformed"},
		{with(`"a"`), "malformed"},
		{with(`"a":`), "malformed"},
		{with(`"a":1,`), "malformed"},
		{with(`a:1`), "malformed"},
		{with(`"a" 1`), "malformed"},
		{with(`"a":01`), "malformed"},
		{with(`"a":1.`), "malformed"},
		{with(`"a":.5`), "malformed"},
		{with(`"a":+1`), "malformed"},
		{with(`"a":-`), "malformed"},
		{with(`"a":1e+`), "malformed"},
		{with(`"a":nan`), "malformed"},
		{with(`"a":-NaN`), "malformed"},
		{with(`"a":tru`), "malformed"},
		{with(`"a":[1,]`), "malformed"},
		{with(`"a":[1 2]`), "malformed"},
		{with(`"a":{"b":1,}`), "malformed"},
		{with(`"a":[}`), "malformed"},
		{with(`"a":"` + "\x1f" + `"`), "malformed"},
		{with(`"a":"\x"`), "malformed"},
		{with(`"a":"\u12g4"`), "malformed"},
		{with(`"a":"\u123`), "malformed"},
		{with(`"a":"\`), "malformed"},
		{with(`"a":'b'`), "malformed"},
		{with(`"resource_metadata":` + deep(200)), "too deeply nested"},
		{with(`"x":` + strings.Repeat("[", 1<<20)), "too deeply nested"},
		{with(`"resource_metadata":[]`), "resource_metadata is not an object"},
		{with(`"resource_metadata":""`), "resource_metadata is not an object"},
		{with(`"counter_type":"rate"`), `counter_type: "rate": not a meter type`},
		{with(`"counter_type":null`), "counter_type is null"},
		{with(`"counter_volume":"many"`), `counter_volume: "many": not a number that a volume can hold`},
		{with(`"counter_volume":""`), "not a number"},
		{with(`"counter_volume":[1]`), "not a number"},
		{with(`"counter_volume":18446744073709551616`), "not a number"},
		{with(`"monotonic_time":{}`), "monotonic_time: "},
		{with(`"counter_name":1`), "counter_name is not text"},
		{with(`"counter_unit":null`), "counter_unit is null"},
		{with(`"user_id":7`), "user_id is not text"},
		{with(`"source":[]`), "source is not text"},
	} {
		got, err := metering.DecodeSample(tt.message)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.200s: %v; want %q", tt.message, err, tt.want)
		}
		if got != (metering.Sample{}) {
			t.Errorf("%.200s: came with a sample: %+v", tt.message, got)
		}
	}
	if _, err := metering.DecodeSample(with(`"resource_metadata":` + deep(100))); err != nil {
		t.Errorf("200 levels: %v", err)
	}
	for _, key := range []string{"counter_name", "counter_type", "counter_unit", "counter_volume", "resource_id", "timestamp", "message_id"} {
		if _, err := metering.DecodeSample(strings.Replace(smallest, key, "x", 1)); err == nil || !strings.Contains(err.Error(), key+" is missing") {
			t.Errorf("without %s: %v", key, err)
		}
	}
}

func TestDecodeBatchForms(t *testing.T) {
	for _, tt := range []struct {
		name, payload string
		names         string // of the samples, in order
		errs          []string
	}{
		{"object", `{"samples":[` + smallest + `,` + smallest + `]}`, "mm", nil},
		{"list", " [ " + smallest + " , " + smallest + " ] ", "mm", nil},
		{"empty", `{"samples":[ ]}`, "", nil},
		{"empty list", `[]`, "", nil},
		{"other members", `{"a":{"samples":[1]},"\u0073amples":[` + smallest + `],"z":null}`, "m", nil},
		{"last list wins", `{"samples":[` + smallest + `,3],"samples":[` + with(`"counter_name":"n"`) + `]}`, "n", nil},
		{"last list is empty", `{"samples":[` + smallest + `],"samples":[]}`, "", nil},
		{"bad ones are left out", `[1,` + smallest + `,{},` + with(`"counter_name":"n"`) + `,` + with(`"counter_type":""`) + `]`, "mn",
			[]string{"sample 0: is not an object", "sample 2: counter_name is missing", `sample 4: counter_type: "": not a meter type (gauge, cumulative or delta)`}},
		{"truncated", `{"samples":[` + smallest + `,2,` + smallest[:40], "m",
			[]string{"sample 1: is not an object", "sample 2: malformed or too deeply nested JSON at byte 187"}},
		{"no comma", `[` + smallest + smallest + `]`, "m", []string{"malformed or too deeply nested JSON at byte 133"}},
		{"trailing comma", `[` + smallest + `,]`, "m", []string{"sample 1: malformed or too deeply nested JSON at byte 134"}},
		{"text behind", `[` + smallest + `]x`, "m", []string{"malformed or too deeply nested JSON at byte 134"}},
		{"text behind object", `{"samples":[` + smallest + `]}}`, "m", []string{"malformed or too deeply nested JSON at byte 146"}},
		{"member without colon", `{"samples"[]}`, "", []string{"malformed or too deeply nested JSON at byte 10"}},
		{"key is no text", `{1:2}`, "", []string{"malformed or too deeply nested JSON at byte 1"}},
		{"no samples", `{"sample":[]}`, "", []string{"payload has no samples"}},
		{"empty object", `{}`, "", []string{"payload has no samples"}},
		{"null samples", `{"samples":null}`, "", []string{"samples is not a list"}},
		{"text", `"x"`, "", []string{"payload is neither an object nor a list"}},
		{"nothing", ``, "", []string{"payload is neither an object nor a list"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			samples, err := metering.DecodeBatch(make([]metering.Sample, 7), tt.payload)
			names := ""
			for _, s := range samples {
				names += s.Name
			}
			if names != tt.names {
				t.Errorf("decoded %q, want %q", names, tt.names)
			}
			var errs []string
			if err != nil {
				errs = strings.Split(err.Error(), "\n")
			}
			if diff := cmp.Diff(tt.errs, errs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeBatchErrorIsBounded(t *testing.T) {
	_, err := metering.DecodeBatch(nil, "["+strings.Repeat("0,", 1e5)+"0]")
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 101 || lines[99] != "sample 99: is not an object" || lines[100] != "and 99901 more" {
		t.Errorf("%d lines, last %q", len(lines), lines[len(lines)-1])
	}
}

// Whatever way a message is written, it decodes to what another JSON library reads.
func TestDecodeReadsAnyLayout(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSample().Draw(t, "sample")
		if s.Volume.IsFloat() || s.MonotonicTime.IsFloat() { // may be NaN, which encoding/json refuses
			s.Volume, s.MonotonicTime = metering.Float(2.5), metering.Float(-1e300)
		}
		written := string(s.AppendJSON(nil))
		got, err := metering.DecodeSample(render(t, decodeAny(t, written)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(decodeAny(t, written), decodeAny(t, string(got.AppendJSON(nil)))); diff != "" {
			t.Fatal(diff)
		}
		got.Metadata, got.Extra = s.Metadata, s.Extra // equal in meaning, checked above
		if got != s {
			t.Fatalf("decoded %+v\nwant %+v", got, s)
		}
	})
}

func TestDecodeBatchReadsAppendBatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(genSample(), 0, 5).Draw(t, "samples")
		payload := string(metering.AppendBatch(nil, want))
		got, err := metering.DecodeBatch(nil, payload)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("decoded %+v, %v\nwant %+v", got, err, want)
		}
		messages, err := metering.SplitBatch(nil, payload)
		if err != nil || len(messages) != len(want) {
			t.Fatalf("split into %d, %v", len(messages), err)
		}
		for i, message := range messages {
			if message != string(want[i].AppendJSON(nil)) {
				t.Fatalf("message %d is %s", i, message)
			}
		}
	})
}

func TestSplitBatchErrors(t *testing.T) {
	got, err := metering.SplitBatch([]string{"old"}, `{"samples":[1,{"a":[]} , {]}`)
	if diff := cmp.Diff([]string{"1", `{"a":[]}`}, got); diff != "" || err == nil || !strings.HasPrefix(err.Error(), "sample 2: ") {
		t.Error(diff, err)
	}
	if got, err := metering.SplitBatch(nil, `{"samples":[1],"samples":[2,3]}`); err != nil || !slices.Equal(got, []string{"2", "3"}) {
		t.Error(got, err)
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	payload := string(metering.AppendBatch(nil, samplesOf(10)))
	samples := make([]metering.Sample, 0, 10)
	if n := testing.AllocsPerRun(100, func() { samples, _ = metering.DecodeBatch(samples, payload) }); n != 0 || len(samples) != 10 {
		t.Errorf("%v allocations for %d samples", n, len(samples))
	}
}

func FuzzDecodeBatch(f *testing.F) {
	for _, payload := range []string{
		string(metering.AppendBatch(nil, samplesOf(2))), "[" + smallest + ",1]", `{"samples":[{}],"samples":[]}`, `[{"a":"\ud800"}]`, "[[[[",
	} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		samples, err := metering.DecodeBatch(nil, payload)
		messages, splitErr := metering.SplitBatch(nil, payload)
		if err == nil && (splitErr != nil || len(messages) != len(samples)) || len(messages) < len(samples) {
			t.Fatalf("%d samples, %v; %d messages, %v", len(samples), err, len(messages), splitErr)
		}
		again, err := metering.DecodeBatch(nil, string(metering.AppendBatch(nil, samples)))
		if err != nil || !slices.Equal(again, samples) {
			t.Fatalf("%+v\nread again %+v, %v", samples, again, err)
		}
		for i := range samples {
			s := &samples[i]
			s.AppendMsgpack(nil, "p")
			s.AppendPython(nil)
			for key := range s.Metadata.Fields() {
				if _, ok := s.Metadata.Lookup(key); !ok {
					t.Fatalf("%s has no %q", s.Metadata, key)
				}
			}
		}
	})
}

func FuzzDecodeSample(f *testing.F) {
	for _, message := range []string{
		string(samplesOf(1)[0].AppendJSON(nil)), smallest, with(`"counter_volume":"1e5","extra":[1,{}],"x":-0`),
		with("\"source\":\"\xff\\ud800\",\"resource_metadata\":{\"a\":18446744073709551616}"),
	} {
		f.Add(message)
	}
	known := (&metering.Sample{}).AppendJSON(nil)
	f.Fuzz(func(t *testing.T, message string) {
		s, err := metering.DecodeSample(message)
		if err != nil {
			return
		}
		encoded := string(s.AppendJSON(nil))
		if again, err := metering.DecodeSample(encoded); err != nil || again != s {
			t.Fatalf("%s\nencodes as %s\nwhich reads as %+v, %v\nwant %+v", message, encoded, again, err, s)
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal([]byte(message), &before) != nil {
			return // only Python's numbers, which encoding/json refuses
		}
		if err := json.Unmarshal([]byte(encoded), &after); err != nil {
			t.Fatalf("%s: %v", encoded, err)
		}
		for key, value := range before {
			kept, ok := after[key]
			if !ok {
				t.Fatalf("%q is lost: %s", key, encoded)
			}
			switch {
			case key == "counter_volume":
				got, err := metering.ParseVolume(strings.Trim(string(kept), `"`))
				if value[0] == '-' || value[0] >= '0' && value[0] <= '9' {
					want, _ := metering.ParseVolume(string(value))
					if err != nil || got != want {
						t.Fatalf("volume %s became %s", value, kept)
					}
				}
			case key == "resource_metadata" && string(value) != "null", !strings.Contains(string(known), `"`+key+`"`):
				if diff := cmp.Diff(decodeAny(t, string(value)), decodeAny(t, string(kept))); diff != "" {
					t.Fatal(key, diff)
				}
			}
		}
	})
}

// Metadata that repeats is not read again; what only begins alike is.
func TestDecodeRepeatedMetadata(t *testing.T) {
	sample := func(metadata string) string {
		return `{"counter_name":"m","counter_type":"gauge","counter_unit":"u","counter_volume":1,"resource_id":"r",` +
			`"timestamp":"2026-01-01T00:00:00","message_id":"i","resource_metadata":` + metadata + `}`
	}
	want := []string{`{"a":{"b":1}}`, `{"a":{"b":1}}`, `{"a":{"b":1},"c":2}`, `{"a":{"b":12}}`, `{"a":{"b":1}}`}
	var texts []string
	for _, m := range want {
		texts = append(texts, sample(m))
	}
	got, err := metering.DecodeBatch(nil, "["+strings.Join(texts, ",")+"]")
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d samples, %v", len(got), err)
	}
	for i, m := range want {
		if string(got[i].Metadata) != m {
			t.Errorf("sample %d has the metadata %s, want %s", i, got[i].Metadata, m)
		}
	}
	if _, err := metering.DecodeBatch(nil, "["+sample(want[0])+","+sample(want[0]+"}")+"]"); err == nil {
		t.Error("a brace too many behind repeated metadata is no error")
	}
}
