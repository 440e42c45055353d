package metering

import (
	"math"
	"strconv"
	"strings"
	"unicode"
)

// AppendPython appends the object form as the text of a Python dictionary, the line that
// the file publisher writes when it is not asked for JSON.
func (s *Sample) AppendPython(dst []byte) []byte {
	dst = append(dst, "{'name': "...)
	dst = appendRepr(dst, s.Name)
	dst = append(dst, ", 'type': '"...)
	dst = append(dst, s.Type.String()...)
	dst = append(dst, "', 'unit': "...)
	dst = appendRepr(dst, s.Unit)
	dst = append(dst, ", 'volume': "...)
	dst = s.Volume.AppendText(dst)
	dst = append(dst, ", 'user_id': "...)
	dst = appendTextRepr(dst, s.UserID)
	dst = append(dst, ", 'user_name': "...)
	dst = appendTextRepr(dst, s.UserName)
	dst = append(dst, ", 'project_id': "...)
	dst = appendTextRepr(dst, s.ProjectID)
	dst = append(dst, ", 'project_name': "...)
	dst = appendTextRepr(dst, s.ProjectName)
	dst = append(dst, ", 'resource_id': "...)
	dst = appendRepr(dst, s.ResourceID)
	dst = append(dst, ", 'timestamp': "...)
	dst = appendRepr(dst, s.Timestamp)
	dst = append(dst, ", 'resource_metadata': "...)
	dst = python{repr: appendRepr}.appendValue(dst, s.Metadata.object())
	dst = append(dst, ", 'source': "...)
	dst = appendRepr(dst, s.Source)
	dst = append(dst, ", 'id': "...)
	dst = appendRepr(dst, s.ID)
	dst = append(dst, ", 'monotonic_time': "...)
	dst = s.MonotonicTime.AppendText(dst)
	return append(dst, '}')
}

func appendTextRepr(dst []byte, t Text) []byte {
	if t.IsNull() {
		return append(dst, "None"...)
	}
	return appendRepr(dst, t.s)
}

// python writes JSON values as Python's repr does, in one of two ways: strings as they
// are and dictionaries in their order, or, inside signed lists, as bytes and sorted.
type python struct {
	repr func(dst []byte, s string) []byte
	sort bool
}

// appendValue appends the repr of a well-formed JSON value.
func (p python) appendValue(dst []byte, raw string) []byte {
	switch raw[0] {
	case '"':
		return p.repr(dst, unquote(raw))
	case '{':
		return p.appendDict(dst, raw)
	case '[':
		dst = append(dst, '[')
		first := true
		walkArray(raw, 0, maxDepth, func(value string) bool {
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			dst = p.appendValue(dst, value)
			return true
		})
		return append(dst, ']')
	}
	return appendScalar(dst, raw)
}

func (p python) appendDict(dst []byte, raw string) []byte {
	ms := uniqueMembers(raw)
	if p.sort {
		ms = sortMembers(ms)
	}
	dst = append(dst, '{')
	for i, m := range ms {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(p.repr(dst, m.key), ": "...)
		dst = p.appendValue(dst, m.value)
	}
	return append(dst, '}')
}

// appendScalar appends Python's str() of a JSON literal or number. Integers have any
// length in Python; a float beyond the largest is an infinity.
func appendScalar(dst []byte, raw string) []byte {
	switch raw {
	case "true":
		return append(dst, "True"...)
	case "false":
		return append(dst, "False"...)
	case "null":
		return append(dst, "None"...)
	case "-0":
		return append(dst, '0')
	}
	if isInteger(raw) {
		return append(dst, raw...)
	}
	return appendFloat(dst, floatOf(raw))
}

// isInteger reports whether a JSON number is one to Python: it has neither fraction nor
// exponent, and is not one of the words.
func isInteger(raw string) bool { return !strings.ContainsAny(raw, ".eEIN") }

func floatOf(raw string) float64 {
	f, _ := strconv.ParseFloat(raw, 64) // out of range it is infinite, as in Python
	if f != f {
		return math.Float64frombits(nanBits)
	}
	return f
}

// appendRepr appends Python's repr of a str.
func appendRepr(dst []byte, s string) []byte {
	quote := quoteFor(s)
	dst = append(dst, quote)
	for _, r := range s {
		switch {
		case r < 0x80:
			dst = appendReprByte(dst, byte(r), quote)
		case unicode.IsPrint(r):
			dst = append(dst, string(r)...)
		case r < 0x100:
			dst = appendHex(append(dst, `\x`...), r, 2)
		case r < 0x10000:
			dst = appendHex(append(dst, `\u`...), r, 4)
		default:
			dst = appendHex(append(dst, `\U`...), r, 8)
		}
	}
	return append(dst, quote)
}

// appendBytesRepr appends Python's repr of the UTF-8 bytes of s.
func appendBytesRepr(dst []byte, s string) []byte {
	quote := quoteFor(s)
	dst = append(dst, 'b', quote)
	for i := range len(s) {
		dst = appendReprByte(dst, s[i], quote)
	}
	return append(dst, quote)
}

func quoteFor(s string) byte {
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		return '"'
	}
	return '\''
}

func appendReprByte(dst []byte, c, quote byte) []byte {
	switch {
	case c == '\\' || c == quote:
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ' || c >= 0x7f:
		return appendHex(append(dst, `\x`...), rune(c), 2)
	}
	return append(dst, c)
}

func appendHex(dst []byte, r rune, digits int) []byte {
	for digits--; digits >= 0; digits-- {
		dst = append(dst, "0123456789abcdef"[r>>(4*digits)&15])
	}
	return dst
}
