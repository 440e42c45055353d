package metering

import (
	"math/bits"
	"strings"
)

// maxDepth bounds the nesting of JSON, far above what any service sends: the depth is a
// factor of the time that flattening takes.
const maxDepth = 256

// The skip functions take the index of a value's first byte and return that after its
// last one, or false and about where the text stops being JSON. They read what Python's
// json reads: RFC 8259 and the numbers NaN, Infinity and -Infinity. depth is how many
// further levels may open. UTF-8 is not their concern: validText has been there before.

func skipValue(s string, i, depth int) (int, bool) {
	if i >= len(s) {
		return i, false
	}
	switch s[i] {
	case '"':
		return skipString(s, i)
	case '{':
		return walkObject(s, i, depth, nil)
	case '[':
		return walkArray(s, i, depth, nil)
	case 't':
		return skipWord(s, i, "true")
	case 'f':
		return skipWord(s, i, "false")
	case 'n':
		return skipWord(s, i, "null")
	case 'N':
		return skipWord(s, i, "NaN")
	case 'I':
		return skipWord(s, i, "Infinity")
	}
	return skipNumber(s, i)
}

func skipWord(s string, i int, word string) (int, bool) {
	if !strings.HasPrefix(s[i:], word) {
		return i, false
	}
	return i + len(word), true
}

func skipSpace(s string, i int) int {
	for i < len(s) && s[i] <= ' ' && (s[i] == ' ' || s[i] == '\n' || s[i] == '\r' || s[i] == '\t') {
		i++
	}
	return i
}

// walkObject skips an object and shows visit, unless nil, each member: the key with its
// quotes and the raw value. visit returns false to stop, which reads like an error.
func walkObject(s string, i, depth int, visit func(key, value string) bool) (int, bool) {
	if depth == 0 {
		return i, false
	}
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == '}' {
		return i + 1, true
	}
	for {
		var last, ok bool
		if i >= len(s) || s[i] != '"' {
			return i, false
		}
		key := i
		if i, ok = skipString(s, i); !ok {
			return i, false
		}
		keyEnd := i
		if i = skipSpace(s, i); i >= len(s) || s[i] != ':' {
			return i, false
		}
		i = skipSpace(s, i+1)
		value := i
		if i, ok = skipValue(s, i, depth-1); !ok {
			return i, false
		}
		if visit != nil && !visit(s[key:keyEnd], s[value:i]) {
			return i, false
		}
		if i, last, ok = skipSeparator(s, i, '}'); last || !ok {
			return i, ok
		}
	}
}

// walkArray is walkObject for the elements of an array.
func walkArray(s string, i, depth int, visit func(value string) bool) (int, bool) {
	if depth == 0 {
		return i, false
	}
	i = skipSpace(s, i+1)
	if i < len(s) && s[i] == ']' {
		return i + 1, true
	}
	for {
		var last, ok bool
		value := i
		if i, ok = skipValue(s, i, depth-1); !ok {
			return i, false
		}
		if visit != nil && !visit(s[value:i]) {
			return i, false
		}
		if i, last, ok = skipSeparator(s, i, ']'); last || !ok {
			return i, ok
		}
	}
}

// skipSeparator skips what stands behind an element: a comma or, after the last one, end.
func skipSeparator(s string, i int, end byte) (next int, last, ok bool) {
	if i = skipSpace(s, i); i >= len(s) {
		return i, false, false
	}
	switch s[i] {
	case ',':
		return skipSpace(s, i+1), false, true
	case end:
		return i + 1, true, true
	default:
		return i, false, false
	}
}

func skipString(s string, i int) (int, bool) {
	for i++; ; {
		if i = skipPlain(s, i); i >= len(s) {
			return i, false
		}
		switch s[i] {
		case '"':
			return i + 1, true
		case '\\':
			n := escapeLen(s[i:])
			if n == 0 {
				return i, false
			}
			i += n
		default: // a control character
			return i, false
		}
	}
}

// skipPlain returns the index of the first byte from i on that cannot stand for itself
// in a JSON string: a quote, a backslash or a control character; len(s) if none.
func skipPlain(s string, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		quote, slash := w^'"'*ones, w^'\\'*ones
		// Subtracting sets the top bit of a byte that was too small; a borrow can only
		// set those above such a byte, so the lowest one found is right.
		if found := ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & tops; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < ' ' {
			return i
		}
	}
	return i
}

// escapeLen is the length of the escape that s starts with, 0 when it is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, s[1]) < 0 {
			return 0
		}
		return 2
	}
	if len(s) < 6 {
		return 0
	}
	for _, c := range []byte(s[2:6]) {
		if (c < '0' || c > '9') && (c|' ' < 'a' || c|' ' > 'f') {
			return 0
		}
	}
	return 6
}

func skipNumber(s string, i int) (int, bool) {
	if s[i] == '-' {
		i++
		if i < len(s) && s[i] == 'I' {
			return skipWord(s, i, "Infinity")
		}
	}
	from := i
	i = skipDigits(s, i)
	if i == from || i-from > 1 && s[from] == '0' {
		return i, false
	}
	if i < len(s) && s[i] == '.' {
		from = i + 1
		if i = skipDigits(s, from); i == from {
			return i, false
		}
	}
	if i < len(s) && s[i]|' ' == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		from = i
		if i = skipDigits(s, from); i == from {
			return i, false
		}
	}
	return i, true
}

func skipDigits(s string, i int) int {
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return i
}
