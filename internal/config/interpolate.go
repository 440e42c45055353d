package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// longestValue bounds what interpolation may build, in bytes.
const longestValue = 1 << 20

// interpolate replaces $option, ${option}, $group.option and ${group.option}; "$$" and
// "\$" stand for a dollar sign, and a dollar sign that starts no name stays. An option
// without a group is looked for in the group of s first, then in [DEFAULT]. It also
// reports whether the text now holds a secret.
func (l *loader) interpolate(s *setting, text string, chain []address) (out string, secret bool, fault Diagnostic) {
	if !strings.Contains(text, "$") {
		return text, false, fault
	}
	text = strings.ReplaceAll(text, `\$`, "$$")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String(), secret, fault
		}
		name, after := reference(rest)
		text = after
		if name == "$" || name == "" {
			b.WriteByte('$')
			continue
		}
		a, ok := l.lookup(s.option.Group, name)
		if !ok {
			return "", secret, l.dangling(s, name)
		}
		if i := slices.Index(chain, a); i >= 0 {
			return "", secret, circle(chain[i:])
		}
		other := l.resolve(a, chain)
		if other.faulty {
			return "", secret, Diagnostic{
				Problem: fmt.Sprintf("the value of %s refers to %v, whose value is faulty", s.option.Name, a),
				Fix:     "correct that one",
			}
		}
		secret = secret || other.secret || other.option.Kind == URL
		for i, it := range other.items {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(it.text)
		}
		if b.Len() > longestValue {
			return "", secret, Diagnostic{
				Problem: fmt.Sprintf("the value of %s grows over %d bytes by what it refers to", s.option.Name, longestValue),
				Fix:     "refer to fewer options",
			}
		}
	}
}

// reference splits what follows a dollar sign into the name it refers to and the rest.
// The name is "$" for an escaped dollar sign and "" when no name follows.
func reference(s string) (name, rest string) {
	if strings.HasPrefix(s, "$") {
		return "$", s[1:]
	}
	body, braced := strings.CutPrefix(s, "{")
	n := 0
	for n < len(body) && (letter(body[n]) || n > 0 && (body[n] == '.' || '0' <= body[n] && body[n] <= '9')) {
		n++
	}
	switch {
	case n == 0 || braced && !strings.HasPrefix(body[n:], "}"):
		return "", s
	case braced:
		return body[:n], body[n+1:]
	}
	return body[:n], body[n:]
}

func letter(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// lookup finds the option that a name in a value of group refers to.
func (l *loader) lookup(group, name string) (address, bool) {
	candidates := []address{{group, name}, {defaultGroup, name}}
	if g, n, ok := strings.Cut(name, "."); ok {
		candidates = []address{{normalGroup(g), n}}
	}
	for _, a := range candidates {
		if _, ok := l.table.options[a]; ok {
			return a, true
		}
		if current, ok := l.table.renamed[a]; ok {
			return current, true
		}
	}
	return address{}, false
}

// dangling is the fault of a reference to nothing. In a secret the name is a piece of
// it, and stays unsaid.
func (l *loader) dangling(s *setting, name string) Diagnostic {
	d := Diagnostic{
		Problem: fmt.Sprintf("the value of %s refers to option $%s, which does not exist", s.option.Name, name),
		Fix:     "write $$ for a dollar sign",
	}
	if s.secret || s.option.Kind == URL {
		d.Problem = fmt.Sprintf("the value of %s has a $ before what is no option", s.option.Name)
		return d
	}
	if prefix, rest, ok := strings.Cut(name, "."); ok {
		if _, ok := l.lookup(s.option.Group, prefix); ok {
			d.Fix = fmt.Sprintf("write ${%s}.%s to end the name there", prefix, rest)
			return d
		}
	}
	names := map[string]bool{}
	for _, a := range l.table.order {
		if a.group == s.option.Group || a.group == defaultGroup {
			names[a.name] = true
		}
	}
	if near := Suggest(name, maps.Keys(names)); near != "" {
		d.Fix = fmt.Sprintf("did you mean $%s? Otherwise %s", near, d.Fix)
	}
	return d
}

// circle is the fault of options that refer to each other, found at the last of them.
func circle(chain []address) Diagnostic {
	last := chain[len(chain)-1]
	path := []string{last.String()}
	for _, a := range chain {
		path = append(path, a.String())
	}
	return Diagnostic{
		Problem: fmt.Sprintf("the value of %s refers to itself: %s", last.name, strings.Join(path, " -> ")),
		Fix:     "write one of them out",
	}
}
