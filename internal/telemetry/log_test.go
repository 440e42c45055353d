package telemetry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

func TestParseLevel(t *testing.T) {
	for text, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn,
		"WARNING": slog.LevelWarn, " Error ": slog.LevelError,
	} {
		if got, err := telemetry.ParseLevel(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	_, err := telemetry.ParseLevel("verbose")
	const want = `reading --log.level: "verbose" is not a log level (debug, info, warn or error)`
	if !errors.Is(err, telemetry.ErrLogLevel) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestLogger(t *testing.T) {
	for format, want := range map[string]string{
		"text": `Z level=WARN msg="cycle overran" source=cpu`,
		"json": `Z","level":"WARN","msg":"cycle overran","source":"cpu"}`,
	} {
		var b bytes.Buffer
		log := telemetry.NewLogger(&b, format, slog.LevelWarn)
		log.Info("not shown")
		log.Warn("cycle overran", "source", "cpu")
		if line := b.String(); strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, want+"\n") {
			t.Errorf("%s: %q, want …%s", format, line, want)
		}
	}
}
