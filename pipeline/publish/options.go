package publish

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/internal/config"
)

// options are the parameters of one URL. Reading one makes it known; what nobody has
// read is left in the end. Faults are collected.
type options struct {
	url    *url.URL
	query  url.Values
	first  bool // the first value of a repeated parameter counts, not the last
	known  map[string]bool
	faults []error
}

func newOptions(u *url.URL) (*options, error) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("parameters: %w; write special characters as %%XX", err)
	}
	return &options{url: u, query: query, known: map[string]bool{}}, nil
}

// has reports whether a parameter is there, even without a value.
func (o *options) has(name string) bool {
	o.known[name] = true
	return o.query.Has(name)
}

// value is a parameter that has a value.
func (o *options) value(name string) (string, bool) {
	if !o.has(name) {
		return "", false
	}
	values := o.query[name]
	v := values[len(values)-1]
	if o.first {
		v = values[0]
	}
	return v, v != ""
}

func (o *options) text(name, otherwise string) string {
	if v, ok := o.value(name); ok {
		return v
	}
	return otherwise
}

// number is a whole number of at least least.
func (o *options) number(name string, otherwise, least int) int {
	v, ok := o.value(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.Atoi(strings.TrimSpace(v))
	if err != nil || n < least {
		o.fail(name, v, fmt.Sprintf("a whole number of at least %d", least), nil)
		return otherwise
	}
	return n
}

// seconds is a number of seconds above 0, or a duration such as 10m where it says so.
func (o *options) seconds(name string, otherwise time.Duration) time.Duration {
	v, ok := o.value(name)
	if !ok {
		return otherwise
	}
	const longest = 366 * 24 * time.Hour
	d, err := time.ParseDuration(v)
	if f, notNumber := strconv.ParseFloat(strings.TrimSpace(v), 64); notNumber == nil {
		if !(f > 0 && f <= longest.Seconds()) {
			f = 0
		}
		d, err = time.Duration(f*float64(time.Second)), nil
	}
	if err != nil || d <= 0 || d > longest {
		o.fail(name, v, "a number of seconds above 0", nil)
		return otherwise
	}
	return d
}

// boolean is a truth value as oslo reads it.
func (o *options) boolean(name string, otherwise bool) bool {
	v, ok := o.value(name)
	if !ok {
		return otherwise
	}
	b, ok := parseBool(v)
	if !ok {
		o.fail(name, v, "true or false", nil)
	}
	return b
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "1", "t", "true", "on", "y", "yes":
		return true, true
	case "0", "f", "false", "off", "n", "no":
		return false, true
	}
	return false, false
}

// fail notes that a parameter has a value that is not want.
func (o *options) fail(name, value, want string, candidates iter.Seq[string]) {
	text := fmt.Sprintf("parameter %s: %q is not %s", name, value, want)
	if candidates != nil {
		if s := config.Suggest(value, candidates); s != "" {
			text += "; did you mean " + s + "?"
		}
	}
	o.faults = append(o.faults, errors.New(text))
}

// rest are the parameters that nobody has read.
func (o *options) rest() url.Values {
	rest := maps.Clone(o.query)
	maps.DeleteFunc(rest, func(name string, _ []string) bool { return o.known[name] })
	return rest
}

// refuseRest makes every parameter that nobody has read a fault.
func (o *options) refuseRest() {
	allowed := slices.Sorted(maps.Keys(o.known))
	for _, name := range slices.Sorted(maps.Keys(o.rest())) {
		text := fmt.Sprintf("there is no parameter %q", name)
		if s := config.Suggest(name, slices.Values(allowed)); s != "" {
			text += "; did you mean " + s + "?"
		}
		if len(allowed) == 0 {
			text += "; there are none"
		} else {
			text += "; there are " + strings.Join(allowed, ", ")
		}
		o.faults = append(o.faults, errors.New(text))
	}
}

// nearMiss warns of a parameter that is sent to the target but was probably meant for
// the publisher.
func (o *options) nearMiss() string {
	var warnings []string
	for _, name := range slices.Sorted(maps.Keys(o.rest())) {
		if s := config.Suggest(name, maps.Keys(o.known)); s != "" {
			warnings = append(warnings, fmt.Sprintf("parameter %q is sent to the target; did you mean %s?", name, s))
		}
	}
	return strings.Join(warnings, "; ")
}
