package metering

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Metadata is a resource's metadata: the text of a JSON object, kept raw until
// somebody looks inside, because most samples pass through unread.
// The empty Metadata stands for {}. The text may hold Python's NaN and Infinity.
//
// Another text than a well-formed object is a mistake of who made the Metadata: readers
// see what stands before the fault, encoders of JSON write it as it is.
type Metadata string

// MetadataOf is the Metadata of a decoded or hand-made map, with sorted keys. Numbers
// stay exact: besides Go's own types it takes [Volume] and [json.Number]. [Text],
// Metadata, slices and maps of any and of strings nest; other values are written as
// encoding/json does, and what that refuses, or is nested too deep to be read again,
// is null.
func MetadataOf(m map[string]any) Metadata {
	if len(m) == 0 {
		return ""
	}
	// A message adds a few levels around its metadata.
	return Metadata(appendAny(nil, m, maxDepth-8))
}

// Lookup returns the raw JSON value under a path of keys, e.g. "flavor", "name";
// without keys it is the whole object. A key that appears twice has its last value.
func (m Metadata) Lookup(path ...string) (value string, ok bool) {
	value = m.object()
	for _, key := range path {
		object := Metadata(value)
		value, ok = "", false
		for k, v := range object.Fields() {
			if k == key {
				value, ok = v, true
			}
		}
		if !ok {
			return "", false
		}
	}
	return value, true
}

// Text is the value under a path as text: a string without its quotes and escapes, a
// number or boolean as it stands, and "" for null, a container or nothing.
func (m Metadata) Text(path ...string) string {
	value, ok := m.Lookup(path...)
	switch {
	case !ok:
		return ""
	case value[0] == '"':
		return unquote(value)
	case value[0] == '{' || value[0] == '[' || value[0] == 'n':
		return ""
	}
	return value
}

// Fields yields the members in their order: the key as text, the value as raw JSON. It
// yields nothing for what is no object.
func (m Metadata) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		walkObject(m.object(), 0, maxDepth, func(key, value string) bool {
			return yield(unquote(key), value)
		})
	}
}

func (m Metadata) raw() string {
	if m == "" {
		return "{}"
	}
	return string(m)
}

// object is raw for readers: an object for certain, as far as its first byte tells.
func (m Metadata) object() string {
	raw := m.raw()
	if i := skipSpace(raw, 0); i < len(raw) && raw[i] == '{' {
		return raw[i:]
	}
	return "{}"
}

// appendAny appends v as JSON; depth is how many levels may still open.
func appendAny(dst []byte, v any, depth int) []byte {
	if depth == 0 {
		return append(dst, "null"...)
	}
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case string:
		return appendQuoted(dst, v)
	case Text:
		return appendText(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int:
		return strconv.AppendInt(dst, int64(v), 10)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case uint64:
		return strconv.AppendUint(dst, v, 10)
	case float64:
		return Float(v).AppendJSON(dst)
	case Volume:
		return v.AppendJSON(dst)
	case json.Number:
		s := string(v)
		if s == "" {
			s = "0" // what encoding/json takes the empty one for
		}
		if end, ok := skipNumber(s, 0); !ok || end != len(s) {
			return appendQuoted(dst, s)
		}
		return append(dst, s...)
	case Metadata:
		return append(dst, v.raw()...)
	case map[string]any:
		return appendMap(dst, v, func(dst []byte, v any) []byte { return appendAny(dst, v, depth-1) })
	case map[string]string:
		return appendMap(dst, v, appendQuoted)
	case []any:
		return appendList(dst, v, func(dst []byte, v any) []byte { return appendAny(dst, v, depth-1) })
	case []string:
		return appendList(dst, v, appendQuoted)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, text...)
}

func appendMap[V any](dst []byte, m map[string]V, value func([]byte, V) []byte) []byte {
	dst = append(dst, '{')
	for i, key := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendQuoted(dst, key), ':')
		dst = value(dst, m[key])
	}
	return append(dst, '}')
}

func appendList[V any](dst []byte, list []V, value func([]byte, V) []byte) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = value(dst, v)
	}
	return append(dst, ']')
}

// member is one "key": value of a JSON object; the key is text, the value raw.
type member struct{ key, value string }

// appendMembers appends the members of a well-formed object.
func appendMembers(dst []member, object string) []member {
	walkObject(object, 0, maxDepth, func(key, value string) bool {
		dst = append(dst, member{unquote(key), value})
		return true
	})
	return dst
}

// uniqueMembers are the members of an object as Python's dict has them: a key that
// appears twice has its first place and its last value.
func uniqueMembers(object string) []member {
	all := appendMembers(nil, object)
	place := make(map[string]int, len(all))
	kept := all[:0]
	for _, m := range all {
		if i, again := place[m.key]; again {
			kept[i].value = m.value
			continue
		}
		place[m.key] = len(kept)
		kept = append(kept, m)
	}
	return kept
}

// sortMembers sorts by key, which for UTF-8 is by code point, and keeps the last of
// equal keys.
func sortMembers(ms []member) []member {
	slices.SortStableFunc(ms, func(a, b member) int { return strings.Compare(a.key, b.key) })
	kept := ms[:0]
	for i, m := range ms {
		if i+1 < len(ms) && ms[i+1].key == m.key {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}
