package metering_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

func TestNewFilterErrors(t *testing.T) {
	for _, tt := range []struct {
		patterns []string
		want     error
		text     string
	}{
		{nil, metering.ErrNoMeters, "No meters specified"},
		{[]string{}, metering.ErrNoMeters, "No meters specified"},
		{[]string{"cpu", "!disk"}, metering.ErrMixedPatterns, "Both included and excluded meters specified"},
		{[]string{"!disk", "disk.*"}, metering.ErrMixedPatterns, "Both included and excluded meters specified"},
		{[]string{"*", "cpu", "!disk"}, metering.ErrMixedPatterns, "Both included and excluded meters specified"},
		{[]string{"", "!disk"}, metering.ErrMixedPatterns, "Both included and excluded meters specified"},
		{[]string{"*", "cpu"}, metering.ErrWildcardMixed, "Included meters specified with wildcard"},
		{[]string{"disk.*", "*"}, metering.ErrWildcardMixed, "Included meters specified with wildcard"},
	} {
		f, err := metering.NewFilter(tt.patterns)
		if !errors.Is(err, tt.want) || err.Error() != tt.text || f != nil {
			t.Errorf("%q: %v, want %v", tt.patterns, err, tt.want)
		}
	}
}

func TestFilterMatch(t *testing.T) {
	for _, tt := range []struct {
		patterns string // separated by spaces
		yes, no  string
	}{
		{"*", "cpu disk.read", ""},
		{"cpu memory", "cpu memory", "cpu.x CPU cp memory.usage"},
		{"disk.*", "disk. disk.read.bytes", "disk xdisk.read"},
		{"*.bytes", ".bytes disk.read.bytes", "bytes disk.bytes.rate"},
		{"*.bytes *.rate", "a.bytes a.rate", "a.b"},
		{"!cpu", "cpu.x memory", "cpu"},
		{"!disk.* !*.bytes", "cpu disk", "disk.read net.bytes"},
		{"* !disk.*", "cpu", "disk.read"},
		{"*.bytes !disk.*", "net.bytes", "disk.bytes cpu"},
		{"!*", "", "cpu"},
		{"!!cpu", "cpu", "!cpu"},
		{"d?sk", "disk dösk d?sk", "dsk diisk"},
		{"a*b*c", "abc aXbYc abbc aabbcc abcbc", "ab acb abcd"},
		{"**x**", "x axb", "a"},
		{"[abc]x", "ax bx cx", "dx x [abc]x"},
		{"[!abc]x", "dx !x", "ax x"},
		{"[a-cx-z].[0-9]", "a.0 y.9", "d.0 a.a"},
		{"[]]", "]", "[ []]"},
		{"[!]]", "a [", "]"},
		{"[]-a]", "] ^ _ a", "b -"},
		{"[-a]", "- a", "b"},
		{"[a-]", "- a", "b"},
		{"[--0]", "- . / 0", "1"},
		{"[a-c-e]", "a b c - e", "d"},
		{"[z-a]", "", "z a m -"},
		{"[!z-a]", "z a -", ""},
		{"[^a]", "^ a", "b"},
		{"[a\\]", "a \\", "]"},
		{"[a&&b]", "a b &", "c"},
		{"[[]x", "[x", "x"},
		{"[", "[", "x"},
		{"[abc", "[abc", "a"},
		{"[!", "[!", "a"},
		{"[]", "[]", "]"},
		{"[!]", "[!]", "a"},
		{"a[b*", "a[b a[bc", "ab"},
		{"a.b", "a.b", "axb"},
		{"a\\*", "a\\ a\\b", "a*"},
		{"é[à-ü]*", "éé éàx", "éz"},
	} {
		f, err := metering.NewFilter(strings.Fields(tt.patterns))
		if err != nil {
			t.Errorf("%s: %v", tt.patterns, err)
			continue
		}
		for name := range strings.FieldsSeq(tt.yes) {
			if !f.Match(name) {
				t.Errorf("%s does not match %s", tt.patterns, name)
			}
		}
		for name := range strings.FieldsSeq(tt.no) {
			if f.Match(name) {
				t.Errorf("%s matches %s", tt.patterns, name)
			}
		}
	}
}

func TestFilterKeepsItsPatterns(t *testing.T) {
	given := []string{"*.bytes", "!disk.*"}
	f, err := metering.NewFilter(given)
	if err != nil {
		t.Fatal(err)
	}
	given[0] = "x"
	f.Patterns()[1] = "y"
	if want := []string{"*.bytes", "!disk.*"}; !slices.Equal(f.Patterns(), want) {
		t.Errorf("patterns are %q", f.Patterns())
	}
}

func TestFilterIsSafeForConcurrentUse(t *testing.T) {
	f, err := metering.NewFilter([]string{"cpu", "disk.*", "net.*.[a-c]?"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if !f.Match("net.x.by") || f.Match("net.x.d") {
					t.Error("wrong match")
				}
			}
		})
	}
	wg.Wait()
}

// Hostile patterns must not take exponential time.
func TestFilterManyStars(t *testing.T) {
	f, err := metering.NewFilter([]string{strings.Repeat("*a", 50) + "b"})
	if err != nil {
		t.Fatal(err)
	}
	if f.Match(strings.Repeat("a", 10_000)) {
		t.Error("matches without the b")
	}
}

func TestFilterMatchesReference(t *testing.T) {
	pattern := rapid.StringMatching(`!?[ab.*?\[\]!\-é]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(pattern, 1, 4).Draw(t, "patterns")
		name := rapid.StringMatching(`[abé.\[\]!\-]{0,8}`).Draw(t, "name")
		f, err := metering.NewFilter(patterns)
		if want := referenceError(patterns); err != want { //nolint:errorlint // these very errors are promised
			t.Fatalf("%q: %v, want %v", patterns, err, want)
		}
		if err == nil && f.Match(name) != referenceMatch(patterns, name) {
			t.Fatalf("%q matches %q: %t", patterns, name, f.Match(name))
		}
	})
}

func FuzzFilter(f *testing.F) {
	f.Add("cpu disk.*", "disk.read")
	f.Add("!cpu !*.[!a-z]?", "x.1y")
	f.Add("[ []] [!]] [z-a]", "]")
	f.Fuzz(func(t *testing.T, patterns, name string) {
		fields := strings.Fields(patterns)
		filter, err := metering.NewFilter(fields)
		if err != referenceError(fields) { //nolint:errorlint // these very errors are promised
			t.Fatalf("%q: %v, want %v", fields, err, referenceError(fields))
		}
		if err != nil {
			return
		}
		got := filter.Match(name)
		// The reference takes exponential time and takes all bytes that are no UTF-8 for one.
		if len(patterns)+len(name) < 40 && utf8.ValidString(patterns+" "+name) && got != referenceMatch(fields, name) {
			t.Fatalf("%q matches %q: %t", fields, name, filter.Match(name))
		}
	})
}

// The reference: Ceilometer's rules as they read, fnmatch by plain recursion.

func referenceError(patterns []string) error {
	included := func(p string) bool { return !strings.HasPrefix(p, "!") && !strings.HasPrefix(p, "*") }
	excluded := func(p string) bool { return strings.HasPrefix(p, "!") }
	switch {
	case len(patterns) == 0:
		return metering.ErrNoMeters
	case slices.ContainsFunc(patterns, included) && slices.ContainsFunc(patterns, excluded):
		return metering.ErrMixedPatterns
	case slices.Contains(patterns, "*") && slices.ContainsFunc(patterns, included):
		return metering.ErrWildcardMixed
	}
	return nil
}

func referenceMatch(patterns []string, name string) bool {
	negations := 0
	for _, p := range patterns {
		if strings.HasPrefix(p, "!") {
			negations++
			if fnmatch([]rune(p[1:]), []rune(name)) {
				return false
			}
		}
	}
	for _, p := range patterns {
		if !strings.HasPrefix(p, "!") && fnmatch([]rune(p), []rune(name)) {
			return true
		}
	}
	return negations == len(patterns)
}

func fnmatch(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	if p[0] == '*' {
		return fnmatch(p[1:], s) || len(s) > 0 && fnmatch(p, s[1:])
	}
	if len(s) == 0 {
		return false
	}
	if p[0] == '?' {
		return fnmatch(p[1:], s[1:])
	}
	if p[0] == '[' {
		first := 1
		if len(p) > 1 && p[1] == '!' {
			first = 2
		}
		// The closing bracket is looked for behind the first character of the set.
		if len(p) > first {
			if n := slices.Index(p[first+1:], ']'); n >= 0 {
				end := first + 1 + n
				return inSet(p[first:end], s[0]) == (first == 1) && fnmatch(p[end+1:], s[1:])
			}
		}
	}
	return p[0] == s[0] && fnmatch(p[1:], s[1:])
}

func inSet(set []rune, r rune) bool {
	switch {
	case len(set) == 0:
		return false
	case len(set) >= 3 && set[1] == '-':
		return set[0] <= r && r <= set[2] || inSet(set[3:], r)
	}
	return set[0] == r || inSet(set[1:], r)
}
