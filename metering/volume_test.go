package metering_test

import (
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

func TestParseVolume(t *testing.T) {
	for text, want := range map[string]metering.Volume{
		"0":                    metering.Int(0),
		"-0":                   metering.Int(0),
		"1000":                 metering.Int(1000),
		"+7":                   metering.Int(7),
		"007":                  metering.Int(7),
		" 12\n":                metering.Int(12),
		"9007199254740993":     metering.Int(1<<53 + 1),
		"-9223372036854775808": metering.Int(math.MinInt64),
		"9223372036854775807":  metering.Int(math.MaxInt64),
		"9223372036854775808":  metering.Uint(1 << 63),
		"18446744073709551615": metering.Uint(math.MaxUint64),
		"1.0":                  metering.Float(1),
		"-0.0":                 metering.Float(math.Copysign(0, -1)),
		"1e3":                  metering.Float(1000),
		"1E+3":                 metering.Float(1000),
		".5":                   metering.Float(0.5),
		"5.":                   metering.Float(5),
		"1e-400":               metering.Float(0),
		"NaN":                  metering.Float(math.NaN()),
		"-nan":                 metering.Float(math.NaN()),
		"Infinity":             metering.Float(math.Inf(1)),
		"-Infinity":            metering.Float(math.Inf(-1)),
		"iNf":                  metering.Float(math.Inf(1)),
	} {
		if got, err := metering.ParseVolume(text); err != nil || got != want {
			t.Errorf("ParseVolume(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "-", "+", "--1", "1 2", "0x10", "0x1p-2", "1_000", "1e", "e1", ".", "true", "null", "None", "infin", "١",
		"18446744073709551616", "-9223372036854775809", "1e400", "-1e400", strings.Repeat("9", 5000),
	} {
		got, err := metering.ParseVolume(text)
		if !errors.Is(err, metering.ErrVolume) || !got.IsNull() {
			t.Errorf("ParseVolume(%.20q) = %v, %v; want ErrVolume", text, got, err)
		}
		if err != nil && len(err.Error()) > 200 {
			t.Errorf("ParseVolume(%.20q): error of %d bytes", text, len(err.Error()))
		}
	}
}

// The texts are those that CPython 3 prints for str(v) and json.dumps(v).
func TestVolumeText(t *testing.T) {
	for _, tt := range []struct {
		volume     metering.Volume
		text, json string
	}{
		{metering.Volume{}, "None", "null"},
		{metering.Int(-5), "-5", ""},
		{metering.Uint(math.MaxUint64), "18446744073709551615", ""},
		{metering.Float(1.5), "1.5", ""},
		{metering.Float(1), "1.0", ""},
		{metering.Float(0), "0.0", ""},
		{metering.Float(math.Copysign(0, -1)), "-0.0", ""},
		{metering.Float(100000), "100000.0", ""},
		{metering.Float(0.1), "0.1", ""},
		{metering.Float(0.0001), "0.0001", ""},
		{metering.Float(0.00001), "1e-05", ""},
		{metering.Float(0.000012345), "1.2345e-05", ""},
		{metering.Float(9999999999999998), "9999999999999998.0", ""},
		{metering.Float(1e16), "1e+16", ""},
		{metering.Float(12345678901234567890), "1.2345678901234567e+19", ""},
		{metering.Float(-1e100), "-1e+100", ""},
		{metering.Float(5e-324), "5e-324", ""},
		{metering.Float(math.MaxFloat64), "1.7976931348623157e+308", ""},
		{metering.Float(math.NaN()), "nan", "NaN"},
		{metering.Float(math.Inf(1)), "inf", "Infinity"},
		{metering.Float(math.Inf(-1)), "-inf", "-Infinity"},
	} {
		if tt.json == "" {
			tt.json = tt.text
		}
		if got := tt.volume.String(); got != tt.text {
			t.Errorf("text is %s, want %s", got, tt.text)
		}
		if got := string(tt.volume.AppendJSON([]byte("x"))); got != "x"+tt.json {
			t.Errorf("JSON is %s, want x%s", got, tt.json)
		}
	}
}

func TestVolumeReadsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := genVolume().Filter(func(v metering.Volume) bool { return !v.IsNull() }).Draw(t, "volume")
		for _, text := range []string{v.String(), string(v.AppendJSON(nil))} {
			if got, err := metering.ParseVolume(text); err != nil || got != v {
				t.Fatalf("ParseVolume(%q) = %v, %v; want %v", text, got, err, v)
			}
		}
	})
}

func TestParseVolumeIntegersAreExact(t *testing.T) {
	low, high := big.NewInt(math.MinInt64), new(big.Int).SetUint64(math.MaxUint64)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[1-9][0-9]{0,22}`).Draw(t, "text")
		want, _ := new(big.Int).SetString(text, 10)
		got, err := metering.ParseVolume(text)
		if want.Cmp(low) < 0 || want.Cmp(high) > 0 {
			if !errors.Is(err, metering.ErrVolume) {
				t.Fatalf("ParseVolume(%s) = %v, %v; want ErrVolume", text, got, err)
			}
			return
		}
		if err != nil || got.String() != want.String() || got.IsFloat() {
			t.Fatalf("ParseVolume(%s) = %v, %v", text, got, err)
		}
		signed, isSigned := got.Int64()
		unsigned, isUnsigned := got.Uint64()
		if isSigned != want.IsInt64() || isSigned && signed != want.Int64() ||
			isUnsigned != want.IsUint64() || isUnsigned && unsigned != want.Uint64() {
			t.Fatalf("%s: Int64 %d %t, Uint64 %d %t", text, signed, isSigned, unsigned, isUnsigned)
		}
	})
}

// The reference builds Python's repr from the digits and the place of the point.
func TestFloatTextIsPythonRepr(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genFloat().Draw(t, "float")
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', -1, 64), "e")
		digits := strings.Replace(mantissa, ".", "", 1)
		exp, _ := strconv.Atoi(exponent)
		var want string
		switch {
		case f == 0:
			want = "0.0"
		case exp < -4 || exp >= 16:
			want = mantissa + "e" + exponent
		case exp < 0:
			want = "0." + strings.Repeat("0", -exp-1) + digits
		case exp >= len(digits)-1:
			want = digits + strings.Repeat("0", exp-len(digits)+1) + ".0"
		default:
			want = digits[:exp+1] + "." + digits[exp+1:]
		}
		if math.Signbit(f) {
			want = "-" + want
		}
		if got := metering.Float(f).String(); got != want {
			t.Fatalf("%v: %s, want %s", f, got, want)
		}
	})
}

func FuzzParseVolume(f *testing.F) {
	for _, text := range []string{"1", "-1.5e300", "18446744073709551615", "inf", " nan ", "1e-5", "x", "-", "0x1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := metering.ParseVolume(text)
		if err != nil {
			if !errors.Is(err, metering.ErrVolume) {
				t.Fatal(err)
			}
			return
		}
		if again, err := metering.ParseVolume(v.String()); err != nil || again != v {
			t.Fatalf("%q is %v, which reads as %v, %v", text, v, again, err)
		}
	})
}
