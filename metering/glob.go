package metering

import (
	"strings"
	"unicode/utf8"
)

// globs matches a name against any of several fnmatch patterns, with the common shapes
// (a plain name, "prefix*", "*suffix") kept apart because they need no search.
type globs struct {
	names    map[string]struct{}
	prefixes []string
	suffixes []string
	others   []glob
}

func (g *globs) add(pattern string) {
	const special = "*?["
	switch i := strings.IndexAny(pattern, special); {
	case i < 0:
		if g.names == nil {
			g.names = map[string]struct{}{}
		}
		g.names[pattern] = struct{}{}
	case i == len(pattern)-1 && pattern[i] == '*':
		g.prefixes = append(g.prefixes, pattern[:i])
	case i == 0 && pattern[0] == '*' && !strings.ContainsAny(pattern[1:], special):
		g.suffixes = append(g.suffixes, pattern[1:])
	default:
		g.others = append(g.others, compileGlob(pattern))
	}
}

func (g *globs) empty() bool {
	return len(g.names)+len(g.prefixes)+len(g.suffixes)+len(g.others) == 0
}

func (g *globs) match(name string) bool {
	if _, ok := g.names[name]; ok {
		return true
	}
	for _, p := range g.prefixes {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	for _, s := range g.suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	for _, o := range g.others {
		if o.match(name) {
			return true
		}
	}
	return false
}

// glob is a compiled fnmatch pattern: one step per character of the name, and stars.
type glob []step

type step struct {
	star   bool
	not    bool        // matches what is in none of the ranges
	ranges []runeRange // without any, and with not, the step matches every character
}

type runeRange struct{ lo, hi rune }

func compileGlob(pattern string) glob {
	var g glob
	for p := []rune(pattern); len(p) > 0; {
		c := p[0]
		p = p[1:]
		switch c {
		case '*':
			g = append(g, step{star: true})
		case '?':
			g = append(g, step{not: true})
		case '[':
			if set, rest, ok := compileSet(p); ok {
				g, p = append(g, set), rest
				continue
			}
			fallthrough // an unterminated set is a plain bracket
		default:
			g = append(g, step{ranges: []runeRange{{c, c}}})
		}
	}
	return g
}

// compileSet compiles what stands after "[". A "]" at the start and a "-" at either end
// stand for themselves; a range from high to low holds nothing.
func compileSet(p []rune) (set step, rest []rune, ok bool) {
	if len(p) > 0 && p[0] == '!' {
		set.not = true
		p = p[1:]
	}
	end := 0
	if len(p) > 0 && p[0] == ']' {
		end = 1
	}
	for ; end < len(p) && p[end] != ']'; end++ {
	}
	if end == len(p) {
		return step{}, nil, false
	}
	for i := 0; i < end; i++ {
		r := runeRange{p[i], p[i]}
		if i+2 < end && p[i+1] == '-' {
			r.hi = p[i+2]
			i += 2
		}
		set.ranges = append(set.ranges, r)
	}
	return set, p[end+1:], true
}

func (s *step) matches(r rune) bool {
	for _, rg := range s.ranges {
		if rg.lo <= r && r <= rg.hi {
			return !s.not
		}
	}
	return s.not
}

// match walks name and pattern together and on a mismatch lets the last star eat one
// more character: at most len(g) times len(name) steps.
func (g glob) match(name string) bool {
	star, retry := -1, 0
	i, at := 0, 0
	for at < len(name) {
		r, size := utf8.DecodeRuneInString(name[at:])
		switch {
		case i < len(g) && g[i].star:
			star, retry = i, at
			i++
		case i < len(g) && g[i].matches(r):
			i++
			at += size
		case star >= 0:
			_, size = utf8.DecodeRuneInString(name[retry:])
			retry += size
			i, at = star+1, retry
		default:
			return false
		}
	}
	for i < len(g) && g[i].star {
		i++
	}
	return i == len(g)
}
