package config

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// check tells what is wrong with a text as a value of s.
func (s *setting) check(text string) Diagnostic {
	o := s.option
	bad := func(fix, format string, args ...any) Diagnostic {
		problem := o.Name + " " + fmt.Sprintf(format, args...)
		if !s.secret {
			problem += fmt.Sprintf(", not %q", short(text))
		}
		return Diagnostic{Problem: problem, Fix: fix}
	}
	switch number := strings.TrimSpace(text); o.Kind {
	case Bool:
		if _, ok := parseBool(text); !ok {
			return bad("write true or false", "must be a boolean")
		}
	case Int, Float:
		if number == "" {
			return Diagnostic{} // taken as not given
		}
		f, err := strconv.ParseFloat(number, 64)
		if o.Kind == Int {
			_, err = strconv.Atoi(number)
		}
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return bad(fmt.Sprintf("write a %v such as %s", o.Kind, example(o)), "must be a %v", o.Kind)
		}
		if o.Min != nil && f < float64(*o.Min) {
			return bad(fmt.Sprintf("write %d or more", *o.Min), "must be at least %d", *o.Min)
		}
		if o.Max != nil && f > float64(*o.Max) {
			return bad(fmt.Sprintf("write %d or less", *o.Max), "must be at most %d", *o.Max)
		}
	case String:
		if len(o.Choices) > 0 && !slices.Contains(o.Choices, text) {
			return bad(didYouMean(text, slices.Values(o.Choices), "write "+o.Choices[0]),
				"must be one of %s", strings.Join(o.Choices, ", "))
		}
	case URL, List, Multi: // any text will do
	}
	return Diagnostic{}
}

// example is a value that would be right.
func example(o Option) string {
	switch {
	case o.Default != "":
		return o.Default
	case o.Min != nil:
		return strconv.Itoa(*o.Min)
	}
	return "10"
}

// parseBool reads a boolean as oslo.config does.
func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "1", "on", "yes":
		return true, true
	case "false", "0", "off", "no":
		return false, true
	}
	return false, false
}

// short cuts a text that is too long for a message.
func short(s string) string {
	const most = 60
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return s
}
