package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config"
	"pgregory.net/rapid"
)

func TestSuggest(t *testing.T) {
	names := []string{"cfg_file", "batch_size", "interval", "meters", "sinks", "sources", "host"}
	for word, want := range map[string]string{
		"cfg-file": "cfg_file", "cfgfile": "cfg_file", "CFG_FILE": "cfg_file", "batchsize": "batch_size", "intervall": "interval",
		"inetrval": "interval", "meter": "meters", "sinsk": "sinks", "source": "sources", "hots": "host",
		"ghost": "host", "discovery": "", "x": "", "": "", strings.Repeat("a", 1000): "",
	} {
		if got := config.Suggest(word, slices.Values(names)); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestSuggestIgnoresOrder(t *testing.T) {
	if a, b := config.Suggest("cat", slices.Values([]string{"car", "bat"})), config.Suggest("cat", slices.Values([]string{"bat", "car"})); a != "bat" || b != "bat" {
		t.Errorf("got %q and %q, want bat twice", a, b)
	}
}

// A word with one letter changed is found again.
func TestSuggestOneTypo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[a-z]{4,20}`).Draw(t, "word")
		i := rapid.IntRange(0, len(word)-1).Draw(t, "i")
		c := rapid.StringMatching(`[a-z]?`).Draw(t, "c")
		typo := word[:i] + c + word[i+1:]
		if got := config.Suggest(typo, slices.Values([]string{word})); got != word {
			t.Fatalf("Suggest(%q) = %q, want %q", typo, got, word)
		}
	})
}
