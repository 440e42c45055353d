package redis

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ringmeter/ringmeter/internal/config"
)

// optionName is what a name looks like; anything else may be the rest of a password.
var optionName = regexp.MustCompile(`^[a-z][a-z_]{0,39}$`)

// option reads the value of one into c.
type option struct {
	set    func(c *target, value string) error
	many   bool // may be given more than once
	within string
}

// known is every option by its name. within names the option without which one means
// nothing.
func known() map[string]option {
	ignored := option{set: func(*target, string) error { return nil }, many: true}
	return map[string]option{
		"timeout":                {set: lease(func(c *target) *time.Duration { return &c.timeout })},
		"membership_timeout":     {set: lease(func(c *target) *time.Duration { return &c.membership })},
		"socket_timeout":         {set: seconds(func(c *target) *time.Duration { return &c.callTimeout })},
		"socket_connect_timeout": {set: seconds(func(c *target) *time.Duration { return &c.connectTimeout })},
		"db":                     {set: setDatabase},
		"namespace":              {set: setNamespace},
		"ssl":                    {set: setTLS},
		"ssl_ca_certs":           {set: text(func(c *target) *string { return &c.files.ca })},
		"ssl_certfile":           {set: text(func(c *target) *string { return &c.files.cert })},
		"ssl_keyfile":            {set: text(func(c *target) *string { return &c.files.key }), within: "ssl_certfile"},
		"sentinel":               {set: text(func(c *target) *string { return &c.master })},
		"sentinel_fallback":      {set: addFurther, many: true, within: "sentinel"},
		"sentinel_username":      {set: text(func(c *target) *string { return &c.sentinelUsername }), within: "sentinel_password"},
		"sentinel_password":      {set: text(func(c *target) *string { return &c.sentinelPassword }), within: "sentinel"},
		"sentinel_ssl":           {set: boolean(func(c *target) *bool { return &c.sentinelTLS }), within: "sentinel"},
		"cluster":                {set: boolean(func(c *target) *bool { return &c.cluster })},
		"cluster_node":           {set: addFurther, many: true, within: "cluster"},
		"encoding":               ignored,
		"health_check_interval":  ignored,
		"lock_timeout":           ignored,
		"max_workers":            ignored,
		"retry_on_timeout":       ignored,
		"socket_keepalive":       ignored,
	}
}

// options reads all and reports all that are faulty.
func (c *target) options(query url.Values) error {
	var errs []error
	all := known()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		o, ok := all[name]
		switch {
		case !ok:
			errs = append(errs, unknown(name, all))
			continue
		case len(query[name]) > 1 && !o.many:
			errs = append(errs, fmt.Errorf("option %s is given %d times; leave one", name, len(query[name])))
			continue
		case o.within != "" && !query.Has(o.within):
			errs = append(errs, fmt.Errorf("option %s means nothing without %s; add that or leave it out", name, o.within))
		}
		for _, value := range query[name] {
			if err := o.set(c, value); err != nil {
				errs = append(errs, fmt.Errorf("option %s: %w", name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func unknown(name string, all map[string]option) error {
	names := slices.Sorted(maps.Keys(all))
	if !optionName.MatchString(name) {
		return fmt.Errorf("there is an option that no option is called like (is a ? in the password? write %%3F); there are %s", strings.Join(names, ", "))
	}
	if near := config.Suggest(name, slices.Values(names)); near != "" {
		return fmt.Errorf("option %s is not known; did you mean %s?", name, near)
	}
	return fmt.Errorf("option %s is not known; there are %s", name, strings.Join(names, ", "))
}

// together refuses what does not go together.
func (c *target) together(query url.Values) error {
	var errs []error
	refuse := func(when bool, message string) {
		if when {
			errs = append(errs, errors.New(message))
		}
	}
	secure := c.tls || c.sentinelTLS
	refuse(!secure && c.files != tlsFiles{}, "there are ssl files without TLS; write rediss:// or add ssl=true")
	refuse(c.network == "unix" && secure, "TLS means nothing on a socket; write redis:// without ssl")
	refuse(c.network == "unix" && (c.master != "" || c.cluster), "Sentinels and Clusters are not on a socket; write HOST:PORT")
	refuse(c.master != "" && c.cluster, "sentinel and cluster exclude each other; leave one out")
	refuse(c.cluster && c.db != 0, "a Cluster has no databases; leave db out")
	refuse(!c.cluster && query.Has("cluster_node"), "cluster_node means nothing without cluster=true; add that or leave it out")
	return errors.Join(errs...)
}

func text(field func(*target) *string) func(*target, string) error {
	return func(c *target, value string) error {
		if value == "" {
			return errors.New("it is empty; give it a value or leave it out")
		}
		*field(c) = value
		return nil
	}
}

func boolean(field func(*target) *bool) func(*target, string) error {
	return func(c *target, value string) error {
		switch strings.ToLower(value) {
		case "true", "t", "yes", "y", "on", "1":
			*field(c) = true
		case "false", "f", "no", "n", "off", "0":
			*field(c) = false
		default:
			return fmt.Errorf("%q is neither true nor false", value)
		}
		return nil
	}
}

func setTLS(c *target, value string) error {
	scheme := c.tls
	err := boolean(func(c *target) *bool { return &c.tls })(c, value)
	if err == nil && scheme && !c.tls {
		return errors.New("the URL begins with rediss://; write redis:// for none")
	}
	return err
}

func seconds(field func(*target) *time.Duration) func(*target, string) error {
	return func(c *target, value string) error {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !(n >= 0.001 && n <= longestTime.Seconds()) {
			return fmt.Errorf("%q is no number of seconds from 0.001 to %.0f", value, longestTime.Seconds())
		}
		*field(c) = time.Duration(n * float64(time.Second)).Round(time.Millisecond)
		return nil
	}
}

func lease(field func(*target) *time.Duration) func(*target, string) error {
	return func(c *target, value string) error {
		if err := seconds(field)(c, value); err != nil {
			return err
		}
		if *field(c) < shortestLease {
			return fmt.Errorf("a lease of %s s is over before a lost heartbeat is repeated; give it %.0f s or more", value, shortestLease.Seconds())
		}
		return nil
	}
}

func setDatabase(c *target, value string) (err error) {
	c.db, err = database(value)
	return err
}

func database(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is no number of a database", text)
	}
	return int(n), nil
}

func setNamespace(c *target, value string) error {
	if value == "" || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) || strings.ContainsRune("{} ", r) }) {
		return fmt.Errorf("%q is no namespace; use letters, digits and punctuation without braces", value)
	}
	c.namespace = value
	return nil
}

func addFurther(c *target, value string) error {
	if _, err := hostPort(value, redisPort); err != nil {
		return err
	}
	c.further = append(c.further, value)
	return nil
}
