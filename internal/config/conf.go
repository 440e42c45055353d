package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Conf is a configuration that was read and found valid. It does not change.
type Conf struct {
	order    []address
	settings map[address]*setting
	dirs     []string // where Find looks
	search   SearchPath
}

// setting is the value of one option.
type setting struct {
	option Option
	items  []item // one, or those of a Multi; none when there is no value
	secret bool   // the option is, or its value was made from one that is
	isSet  bool
	faulty bool // a fault was reported
}

// item is one text and where it was written.
type item struct {
	text string
	at   Diagnostic
}

// String is the value of an option, "" when it has none. Of an option that is not text
// it is the text as written.
func (c *Conf) String(group, name string) string {
	s := c.setting(group, name)
	if s.option.Kind == Multi {
		panic(fmt.Sprintf("config: option [%s] %s is a %v, ask for Multi", group, name, s.option.Kind))
	}
	return s.text()
}

// Int is the value of a whole number, 0 when it has none.
func (c *Conf) Int(group, name string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(c.setting(group, name, Int).text()))
	return n
}

// Float is the value of a number, 0 when it has none.
func (c *Conf) Float(group, name string) float64 {
	f, _ := strconv.ParseFloat(strings.TrimSpace(c.setting(group, name, Int, Float).text()), 64)
	return f
}

// Bool is the value of a boolean, false when it has none.
func (c *Conf) Bool(group, name string) bool {
	b, _ := parseBool(c.setting(group, name, Bool).text())
	return b
}

// List is the items of a comma-separated list, without white space and empty items.
func (c *Conf) List(group, name string) []string {
	var list []string
	for part := range strings.SplitSeq(c.setting(group, name, List).text(), ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// Multi is the values of a repeatable option in the order of the files.
func (c *Conf) Multi(group, name string) []string {
	s := c.setting(group, name, Multi)
	list := make([]string, len(s.items))
	for i, it := range s.items {
		list[i] = it.text
	}
	return list
}

// IsSet reports whether a flag, the environment or a file sets the option.
func (c *Conf) IsSet(group, name string) bool { return c.setting(group, name).isSet }

// Where says what sets the option: "file:line", "environment", "flag" or "default".
func (c *Conf) Where(group, name string) string {
	s := c.setting(group, name)
	if !s.isSet || len(s.items) == 0 {
		return fromDefault
	}
	at := s.items[len(s.items)-1].at
	at.Column = 0
	return at.Position()
}

// Redacted shows, as the text of a configuration file, what is set and what this program
// uses, each with where it comes from and without secrets.
func (c *Conf) Redacted() string {
	var b strings.Builder
	group := ""
	order := slices.Clone(c.order)
	slices.SortStableFunc(order, func(a, b address) int { return strings.Compare(a.group, b.group) })
	for _, a := range order {
		s := c.settings[a]
		if !s.isSet && !s.option.Used || len(s.items) == 0 {
			continue
		}
		if a.group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group = a.group
			fmt.Fprintf(&b, "[%s]\n", group)
		}
		fmt.Fprintf(&b, "# %s\n", c.Where(a.group, a.name))
		for _, it := range s.items {
			fmt.Fprintf(&b, "%s = %s\n", a.name, strings.ReplaceAll(s.shown(it.text), "\n", "\n    "))
		}
	}
	return b.String()
}

// setting finds an option. Asking for one that is not in the table, or as what it is
// not, is a mistake of the program.
func (c *Conf) setting(group, name string, kinds ...Kind) *setting {
	s, ok := c.settings[address{group, name}]
	if !ok {
		panic(fmt.Sprintf("config: option [%s] %s is not in the table of options", group, name))
	}
	if len(kinds) > 0 && !slices.Contains(kinds, s.option.Kind) {
		panic(fmt.Sprintf("config: option [%s] %s is a %v, not a %v", group, name, s.option.Kind, kinds[0]))
	}
	return s
}

func (s *setting) text() string {
	if len(s.items) == 0 {
		return ""
	}
	return s.items[0].text
}

// shown is a text of s as it may be printed.
func (s *setting) shown(text string) string {
	switch {
	case text == "":
		return text
	case s.option.Kind == URL && strings.Contains(text, "://"):
		return RedactURL(text)
	case s.secret || s.option.Kind == URL:
		return hidden
	}
	return text
}
