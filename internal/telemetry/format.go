package telemetry

import (
	"fmt"
	"strconv"
	"time"
)

// Ago is the cell for a past instant, "3 s ago", with the exact UTC time as its title;
// "never" for the zero time and "in 3 s" for one to come.
func Ago(now, t time.Time) Cell {
	if t.IsZero() {
		return Cell{Text: "never"}
	}
	c := Cell{Title: instant(t)}
	switch d := now.Sub(t); {
	case d <= -time.Second:
		c.Text = "in " + coarse(-d)
	case d < time.Second:
		c.Text = "now"
	default:
		c.Text = coarse(d) + " ago"
	}
	return c
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

// coarse is d in its largest unit, which is what an age needs.
func coarse(d time.Duration) string {
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < 48*time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return strconv.Itoa(int(d/(24*time.Hour))) + " d"
}

// Duration is d for people: "850 µs", "3.24 s", "2 min 5 s", "3 h 12 min", "4 d 3 h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-max(d, -time.Duration(1<<63-1)))
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return strconv.Itoa(int(d)) + " ns"
	case d < time.Millisecond:
		return strconv.Itoa(int(d/time.Microsecond)) + " µs"
	case d < time.Second:
		return strconv.Itoa(int(d/time.Millisecond)) + " ms"
	case d < time.Minute && d%time.Second == 0:
		return strconv.Itoa(int(d/time.Second)) + " s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Truncate(10*time.Millisecond).Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return two(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return two(d, time.Hour, "h", time.Minute, "min")
	}
	return two(d, 24*time.Hour, "d", time.Hour, "h")
}

func two(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	text := strconv.Itoa(int(d/big)) + " " + bigName
	if rest := int(d % big / small); rest > 0 {
		text += " " + strconv.Itoa(rest) + " " + smallName
	}
	return text
}

// Count is n with its thousands set apart: "12,480".
func Count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	text := make([]byte, 0, len(digits)+len(digits)/3)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			text = append(text, ',')
		}
		text = append(text, digits[i])
	}
	return string(text)
}

// Bytes is n bytes for people, in powers of 1024: "512 B", "1.5 MiB".
func Bytes[N int | int64 | uint64](n N) string {
	f := float64(n)
	if f > -1024 && f < 1024 {
		return strconv.FormatFloat(f, 'f', 0, 64) + " B"
	}
	unit := 0
	const units = "KMGTPE"
	for f /= 1024; (f >= 1023.95 || f <= -1023.95) && unit < len(units)-1; unit++ {
		f /= 1024
	}
	return strconv.FormatFloat(f, 'f', 1, 64) + " " + units[unit:unit+1] + "iB"
}
