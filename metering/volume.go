package metering

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Volume is an exact number: an int64, a uint64 or a float64. A core's CPU time in
// nanoseconds passes 2^53 after 104 days, so a float alone would round it.
// The zero Volume is null: no value. Equal Volumes are equal with ==, NaN included;
// the integer 1 and the float 1.0 are different Volumes.
type Volume struct {
	kind volumeKind
	bits uint64
}

type volumeKind uint8

const (
	null volumeKind = iota
	signed
	unsigned // only above math.MaxInt64, so that equal numbers are equal Volumes
	float
)

// nanBits is the one NaN that volumes hold, the one Python writes.
const nanBits = 0x7ff8000000000000

// ErrVolume is returned for a text that is no number, or one that no Volume holds.
var ErrVolume = errors.New("not a number that a volume can hold")

// Int is the volume v.
func Int(v int64) Volume { return Volume{signed, uint64(v)} }

// Uint is the volume v.
func Uint(v uint64) Volume {
	if v <= math.MaxInt64 {
		return Volume{signed, v}
	}
	return Volume{unsigned, v}
}

// Float is the volume v; NaN and the infinities are volumes, as they are to Ceilometer.
func Float(v float64) Volume {
	if v != v {
		return Volume{float, nanBits}
	}
	return Volume{float, math.Float64bits(v)}
}

// ParseVolume reads a JSON number or what Python's int() and float() read in plain
// notation: surrounding space, a plus sign, "5." and ".5", and inf, infinity and nan in
// any case. A text of digits alone is an integer, everything else a float.
// The error is ErrVolume for other texts, for integers outside -2^63 … 2^64-1 and for
// floats beyond the largest, because a number that is billed must not be rounded unseen.
func ParseVolume(text string) (Volume, error) {
	s := strings.TrimSpace(text)
	digits, negative := s, false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		digits, negative = s[1:], s[0] == '-'
	}
	if allDigits(digits) {
		if negative {
			if v, err := strconv.ParseInt(s, 10, 64); err == nil {
				return Int(v), nil
			}
		} else if v, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return Uint(v), nil
		}
		return Volume{}, volumeError(text)
	}
	if strings.EqualFold(digits, "nan") { // strconv reads it without a sign only
		return Float(math.NaN()), nil
	}
	if strings.ContainsAny(s, "xX_") { // Go's hexadecimal and spaced notations
		return Volume{}, volumeError(text)
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Volume{}, volumeError(text)
	}
	return Float(v), nil
}

func volumeError(text string) error { return fmt.Errorf("%s: %w", quoted(text), ErrVolume) }

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// IsNull reports whether there is no value.
func (v Volume) IsNull() bool { return v.kind == null }

// IsFloat reports whether v is a floating-point number, even a whole one.
func (v Volume) IsFloat() bool { return v.kind == float }

// Float64 is v rounded to a float64, NaN for null.
func (v Volume) Float64() float64 {
	switch v.kind {
	case signed:
		return float64(int64(v.bits))
	case unsigned:
		return float64(v.bits)
	case float:
		return math.Float64frombits(v.bits)
	case null:
	}
	return math.NaN()
}

// Int64 is v and true when v is an integer that an int64 holds.
func (v Volume) Int64() (int64, bool) { return int64(v.bits), v.kind == signed }

// Uint64 is v and true when v is an integer that a uint64 holds.
func (v Volume) Uint64() (uint64, bool) {
	return v.bits, v.kind == unsigned || v.kind == signed && int64(v.bits) >= 0
}

// AppendText appends v as Python's str() writes it: integers in decimal, floats in the
// shortest form that reads back the same, with ".0" when whole; inf, nan and None.
func (v Volume) AppendText(dst []byte) []byte {
	switch v.kind {
	case signed:
		return strconv.AppendInt(dst, int64(v.bits), 10)
	case unsigned:
		return strconv.AppendUint(dst, v.bits, 10)
	case float:
		return appendFloat(dst, math.Float64frombits(v.bits))
	case null:
	}
	return append(dst, "None"...)
}

// AppendJSON appends v as Python's json.dumps writes it: AppendText, but NaN, Infinity
// and -Infinity, which strict parsers refuse, and null.
func (v Volume) AppendJSON(dst []byte) []byte {
	switch f := v.Float64(); {
	case v.kind == null:
		return append(dst, "null"...)
	case v.kind != float:
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	return v.AppendText(dst)
}

// String is AppendText as a string.
func (v Volume) String() string { return string(v.AppendText(nil)) }

// appendFloat appends f as Python's repr: an exponent below 1e-4 and from 1e16 on.
func appendFloat(dst []byte, f float64) []byte {
	switch a := math.Abs(f); {
	case f != f:
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if slices.Contains(dst[from:], '.') {
		return dst
	}
	return append(dst, ".0"...)
}
