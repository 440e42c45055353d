package metering

import (
	"errors"
	"fmt"
	"time"
)

// Type says how the volumes of a meter relate to each other.
// The zero Type is not valid, so that a forgotten one is noticed.
type Type uint8

// The three types a meter can have, as on the wire ("gauge", "cumulative", "delta").
const (
	Gauge      Type = iota + 1 // a reading of its own, e.g. a temperature
	Cumulative                 // a counter that grows until it is reset
	Delta                      // the change since the previous sample
)

// ErrType is returned by ParseType for a text that names no type.
var ErrType = errors.New("not a meter type (gauge, cumulative or delta)")

// ParseType reads the wire form of a type.
func ParseType(s string) (Type, error) {
	switch s {
	case "gauge":
		return Gauge, nil
	case "cumulative":
		return Cumulative, nil
	case "delta":
		return Delta, nil
	}
	return 0, fmt.Errorf("%s: %w", quoted(s), ErrType)
}

// String is the wire form of t.
func (t Type) String() string {
	switch t {
	case Gauge:
		return "gauge"
	case Cumulative:
		return "cumulative"
	case Delta:
		return "delta"
	}
	return "invalid"
}

// Text is a string that may be null, as user_id and project_id are on the wire.
// The zero Text is null.
type Text struct {
	s     string
	valid bool
}

// TextOf is the non-null Text s, the empty string included.
func TextOf(s string) Text { return Text{s: s, valid: true} }

// String is the text, or "" for null.
func (t Text) String() string { return t.s }

// IsNull reports whether t is null.
func (t Text) IsNull() bool { return !t.valid }

// Sample is one measured value of one meter of one resource: what is billed.
type Sample struct {
	Name   string // meter, e.g. "cpu"
	Type   Type
	Unit   string
	Volume Volume

	UserID, UserName       Text
	ProjectID, ProjectName Text
	ResourceID             string

	// Timestamp is ISO-8601 exactly as it stands on the wire: without a zone it is UTC.
	Timestamp string
	Metadata  Metadata
	Source    string // origin of the sample, "openstack" by default

	ID            string // message_id, a UUID
	MonotonicTime Volume // seconds on the poller's monotonic clock; null when not known
	Signature     string // message_signature, lower-case hex; "" when unsigned

	// Extra holds members of a decoded message that have no field above, as raw
	// comma-separated JSON members without braces; encoding writes them back.
	Extra string
}

// Time parses the timestamp; one without a zone is UTC.
func (s *Sample) Time() (time.Time, error) { return ParseTime(s.Timestamp) }

// FormatTime is t as polled samples carry it: UTC, no zone, microseconds, and no
// fraction when it is zero (Python's isoformat).
func FormatTime(t time.Time) string {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04:05.000000")
}

// ParseTime reads an ISO-8601 time with "T" or a space between date and time, and
// with or without fraction and zone; without a zone it is UTC.
func ParseTime(s string) (time.Time, error) {
	for _, layout := range [...]string{
		"2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05.999999999Z07:00",
		"2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("timestamp %s is not ISO-8601", quoted(s))
}
