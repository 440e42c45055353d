package telemetry_test

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

func sha256Base64(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.FixedZone("", 3600))
	for ago, want := range map[time.Duration]string{
		0: "now", 999 * time.Millisecond: "now", time.Second: "1 s ago", 59 * time.Second: "59 s ago",
		60 * time.Second: "1 min ago", 3599 * time.Second: "59 min ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "2 d ago",
		-500 * time.Millisecond: "now", -3 * time.Second: "in 3 s", -90 * time.Minute: "in 1 h",
	} {
		if c := telemetry.Ago(now, now.Add(-ago)); c.Text != want {
			t.Errorf("%s: %q, want %q", ago, c.Text, want)
		}
	}
	if c := telemetry.Ago(now, now.Add(-3*time.Second)); c.Title != "2026-03-04 10:59:57 UTC" {
		t.Errorf("title %q", c.Title)
	}
	if c := telemetry.Ago(now, time.Time{}); c != (telemetry.Cell{Text: "never"}) {
		t.Errorf("zero time: %+v", c)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 s", 12: "12 ns", 850 * time.Microsecond: "850 µs", 380 * time.Millisecond: "380 ms",
		1240 * time.Millisecond: "1.24 s", 9999 * time.Millisecond: "9.99 s", 59999 * time.Millisecond: "59.9 s",
		time.Minute: "1 min", 125 * time.Second: "2 min 5 s", 192 * time.Minute: "3 h 12 min",
		24 * time.Hour: "1 d", 99 * time.Hour: "4 d 3 h", -time.Second: "-1 s", 10 * time.Second: "10 s",
		math.MinInt64: "-106751 d 23 h",
	} {
		if got := telemetry.Duration(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 48210377: "48,210,377", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := telemetry.Count(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Uint64().Draw(t, "n")
		if got := telemetry.Count(n); strings.ReplaceAll(got, ",", "") != strconv.FormatUint(n, 10) {
			t.Errorf("%d: %q", n, got)
		}
	})
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1.0 MiB", 13002342: "12.4 MiB",
		math.MaxInt64: "8.0 EiB", -2048: "-2.0 KiB",
	} {
		if got := telemetry.Bytes(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}
