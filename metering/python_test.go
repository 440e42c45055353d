package metering_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/metering"
)

// The texts are those of CPython 3's repr.
func TestAppendPythonText(t *testing.T) {
	for text, want := range map[string]string{
		"":                  `''`,
		"plain":             `'plain'`,
		"it's":              `"it's"`,
		`say "x"`:           `'say "x"'`,
		`it's "x"`:          `'it\'s "x"'`,
		`back\slash`:        `'back\\slash'`,
		"\n\r\t":            `'\n\r\t'`,
		"\x00\x1f\x7f":      `'\x00\x1f\x7f'`,
		"é日😀":               `'é日😀'`,
		"\u0085\u00a0":      `'\x85\xa0'`,
		"\u00ad":            `'\xad'`,
		"\u2028\ufeff":      `'\u2028\ufeff'`,
		"\u3000":            `'\u3000'`,
		"\U000e0001":        `'\U000e0001'`,
		"a\xffb":            `'a` + "\uFFFD" + `b'`,
		"\u0301":            "'\u0301'",
		"\ue000":            `'\ue000'`,
		"combining e\u0301": "'combining e\u0301'",
	} {
		s := metering.Sample{Type: metering.Gauge, Name: text, UserID: metering.TextOf(text),
			Metadata: metering.MetadataOf(map[string]any{text: text})}
		got := string(s.AppendPython(nil))
		if wants := fmt.Sprintf("{'name': %s, 'type': 'gauge', 'unit': '', 'volume': None, 'user_id': %[1]s, 'user_name': None, "+
			"'project_id': None, 'project_name': None, 'resource_id': '', 'timestamp': '', 'resource_metadata': {%[1]s: %[1]s}, "+
			"'source': '', 'id': '', 'monotonic_time': None}", want); got != wants {
			t.Errorf("%q:\n%s\nwant\n%s", text, got, wants)
		}
	}
}

func TestAppendPythonMetadata(t *testing.T) {
	for metadata, want := range map[metering.Metadata]string{
		"":                               `{}`,
		` { "b" : [ ] , "a" : { } } `:    `{'b': [], 'a': {}}`,
		`{"x":1,"y":2,"x":3}`:            `{'x': 3, 'y': 2}`,
		`{"x":[true,false,null,-0,1e5]}`: `{'x': [True, False, None, 0, 100000.0]}`,
		`{"x":[NaN,-Infinity,1E400]}`:    `{'x': [nan, -inf, inf]}`,
		`{"x":12345678901234567890123}`:  `{'x': 12345678901234567890123}`,
		`{"x":["a",["b",{"c":"d"}]]}`:    `{'x': ['a', ['b', {'c': 'd'}]]}`,
		`"`:                              `{}`,
		`[1]`:                            `{}`,
		`{"a":1,`:                        `{'a': 1}`,
	} {
		s := metering.Sample{Type: metering.Gauge, Metadata: metadata}
		if got := string(s.AppendPython(nil)); !strings.Contains(got, `'resource_metadata': `+want+`, 'source'`) {
			t.Errorf("%s: %s, want %s", metadata, got, want)
		}
	}
}
