package metering_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

func TestTypeText(t *testing.T) {
	for _, kind := range []metering.Type{metering.Gauge, metering.Cumulative, metering.Delta} {
		if got, err := metering.ParseType(kind.String()); err != nil || got != kind {
			t.Errorf("%v reads as %v, %v", kind, got, err)
		}
	}
	for _, text := range []string{"", "invalid", "Gauge", "rate"} {
		if _, err := metering.ParseType(text); !errors.Is(err, metering.ErrType) {
			t.Errorf("ParseType(%q): %v", text, err)
		}
	}
}

func TestTextNull(t *testing.T) {
	var null metering.Text
	if empty := metering.TextOf(""); !null.IsNull() || empty.IsNull() || null == empty || null.String() != "" {
		t.Errorf("null is %#v, empty is %#v", null, empty)
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-07-21T13:56:12.123456":       "2026-07-21T13:56:12.123456",
		"2026-07-21 13:56:12":              "2026-07-21T13:56:12",
		"2026-07-21T13:56:12Z":             "2026-07-21T13:56:12",
		"2026-07-21T13:56:12.5+02:00":      "2026-07-21T11:56:12.500000",
		"2026-07-21 13:56:12.000001+00:00": "2026-07-21T13:56:12.000001",
	} {
		s := metering.Sample{Timestamp: text}
		if got, err := s.Time(); err != nil || metering.FormatTime(got) != want {
			t.Errorf("%q is %v, %v; want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2026-07-21", "yesterday"} {
		if got, err := metering.ParseTime(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestFormatTimeReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(0, 1e16).Draw(t, "µs")).UTC()
		if got, err := metering.ParseTime(metering.FormatTime(at)); err != nil || !got.Equal(at) {
			t.Fatalf("%v reads as %v, %v", at, got, err)
		}
	})
}
