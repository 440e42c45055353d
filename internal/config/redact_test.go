package config_test

import (
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config"
	"pgregory.net/rapid"
)

func TestRedactURL(t *testing.T) {
	for url, want := range map[string]string{
		"":                                   "",
		"gnocchi://":                         "gnocchi://",
		"rabbit://u:p@h:5672/v":              "rabbit://u:***@h:5672/v",
		"rabbit://u:p@h1:5672,u:q@h2:5672/v": "rabbit://u:***@h2:5672/v",
		"redis://:p@h":                       "redis://:***@h",
		"redis://token@h":                    "redis://***@h",
		"redis://u:p@ss@h":                   "redis://u:***@h",
		"redis://u:p/s@h/0":                  "redis://u:***@h/0",
		"u:p@h":                              "u:***@h",
		"redis://h?sentinel_password=p&db=1": "redis://h?sentinel_password=***&db=1",
		"https://h/path?timeout=5":           "https://h/path?timeout=5",
		"https://u:p@h?note=a@b":             "https://u:***@b",
		"https://h?api_token=t#f":            "https://h?api_token=***#f",
	} {
		if got := config.RedactURL(url); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", url, got, want)
		}
	}
}

func TestRedactURLHidesAnyPassword(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := "S3" + rapid.StringMatching(`[A-Z0-9:@/,?#&=%. ]{0,20}`).Draw(t, "password") + "cret"
		hosts := rapid.SampledFrom([]string{"h", "h:1/v", "h1:1,h2:2/v?a=b"}).Draw(t, "hosts")
		if got := config.RedactURL("rabbit://user:" + password + "@" + hosts); strings.Contains(got, password) || strings.Contains(got, "cret") {
			t.Fatalf("password %q shows in %q", password, got)
		}
	})
}
