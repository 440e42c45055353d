package telemetry

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

var (
	// ErrLogLevel is returned by ParseLevel for a text that names no level.
	ErrLogLevel = errors.New("not a log level (debug, info, warn or error)")
	// ErrLogFormat is returned by ParseFormat for a text that names no format.
	ErrLogFormat = errors.New("not a log format (text or json)")
)

// NewLogger makes a logger that writes lines of the given format, "json" or else text, with
// times in UTC, as the samples have them.
func NewLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: utc}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func utc(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindTime {
		a.Value = slog.StringValue(a.Value.Time().UTC().Format("2006-01-02T15:04:05.000Z"))
	}
	return a
}

// ParseLevel reads the name of a level in any case; "warning" is "warn".
func ParseLevel(s string) (slog.Level, error) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return 0, fmt.Errorf("reading --log.level: %q is %w", s, ErrLogLevel)
}

// ParseFormat reads the name of a format in any case, as NewLogger takes it.
func ParseFormat(s string) (string, error) {
	switch f := strings.ToLower(strings.TrimSpace(s)); f {
	case "text", "json":
		return f, nil
	}
	return "", fmt.Errorf("reading --log.format: %q is %w", s, ErrLogFormat)
}
