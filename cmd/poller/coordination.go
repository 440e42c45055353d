package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/file"
	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/redis"
	"github.com/ringmeter/ringmeter/partition/worker"
)

// coordination is all that decides where this worker stands among others. While a reload
// changes none of it, the worker stays in its groups.
type coordination struct {
	url          string // "" for a worker that is alone
	member       partition.Member
	alone        bool // work alone until the coordinator answers
	stopIsolated bool
	outage       time.Duration // negative without end
	settings     partition.Settings
}

// coordination reads the options. address is where others reach the web port, unless the
// configuration says.
func (s *settings) coordination(address string) coordination {
	c := coordination{
		url: s.conf.String("coordination", "backend_url"),
		member: partition.Member{
			ID:      s.conf.String("ringmeter", "member_id"),
			Weight:  s.conf.Int("ringmeter", "weight"),
			Address: s.conf.String("ringmeter", "advertise_url"),
		},
		alone:        s.conf.String("coordination", "on_start") == "alone",
		stopIsolated: s.conf.String("coordination", "on_isolation") == "stop",
		outage:       time.Duration(s.conf.Int("coordination", "outage_limit")) * time.Second,
		settings:     partition.DefaultSettings(),
	}
	c.settings.Partitions = s.conf.Int("ringmeter", "ring_partitions")
	if c.member.ID == "" {
		c.member.ID = s.host
	}
	if c.member.Address == "" {
		c.member.Address = address
	}
	if c.url == "" { // nobody asks, and nobody takes the work over
		return c.within()
	}
	if c.outage == 0 {
		c.outage = -1
	}
	return c
}

// within is the same for a worker that is alone.
func (c coordination) within() coordination {
	return coordination{member: partition.Member{ID: c.member.ID, Weight: 1}, settings: c.settings}
}

// checkCoordination finds what is wrong with the options before anything is changed.
func (s *settings) checkCoordination() error {
	var errs []error
	c := s.coordination("")
	fault := func(group, option, problem, fix string) {
		errs = append(errs, config.Diagnostic{File: s.conf.Where(group, option), Problem: option + " " + problem, Fix: fix})
	}
	if c.url != "" {
		tried := c.url
		if _, missing := missingDirectory(tried); missing {
			tried = elsewhere(tried) // checking makes nothing
		}
		backend, err := openBackend(tried, nil)
		if err != nil {
			if unknown, ok := errors.AsType[schemeError](err); ok {
				fault("coordination", "backend_url", unknown.Error(), coordinators)
			} else {
				fault("coordination", "backend_url", "cannot be used: "+err.Error(), "")
			}
		} else {
			backend.Close()
		}
	}
	if _, err := partition.NewView(0, partition.Member{ID: c.member.ID}); err != nil {
		fault("ringmeter", "member_id", "cannot be used: "+err.Error(), "write a name of printable characters")
	}
	if problem := wrongBase(s.conf.String("ringmeter", "advertise_url")); problem != "" {
		fault("ringmeter", "advertise_url", problem, "write http://host:8977, for example")
	}
	return errors.Join(errs...)
}

// wrongBase says what is wrong with a URL to which a path is to be added.
func wrongBase(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "must be an http:// or https:// URL with a host"
	case u.User != nil:
		return "must not hold a user or a password: every worker can read it"
	case u.RawQuery != "" || u.Fragment != "":
		return "must not have a query or a fragment"
	}
	return ""
}

// advertised is where other hosts reach the first of the web addresses that is not on
// loopback; "" if there is none. host stands for an address on all networks.
func advertised(listen []string, host string, tls bool) string {
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	for _, address := range listen {
		name, port, err := net.SplitHostPort(address)
		if err != nil || port == "0" {
			continue
		}
		ip := net.ParseIP(name)
		switch {
		case name == "localhost" || ip != nil && ip.IsLoopback():
			continue
		case name == "" || ip != nil && ip.IsUnspecified():
			name = host
		}
		return scheme + net.JoinHostPort(name, port)
	}
	return ""
}

// coordinators is what can be written as backend_url.
const coordinators = "write redis://host:6379, rediss://host:6379 or file:///directory, or leave it empty for a worker that is alone"

// schemeError is a backend_url of which nobody knows what to do with it.
type schemeError struct{ scheme string }

func (e schemeError) Error() string {
	if e.scheme == "" {
		return "is no URL"
	}
	return fmt.Sprintf("names the coordinator %q, which this program does not have", e.scheme)
}

// openBackend connects to nothing yet. Its errors are without secrets.
func openBackend(backendURL string, logger *slog.Logger) (worker.Backend, error) {
	scheme, _, found := strings.Cut(backendURL, "://")
	switch {
	case backendURL == "":
		return local.NewBackend(), nil
	case !found:
		return nil, schemeError{}
	}
	switch strings.ToLower(scheme) {
	case "redis", "rediss":
		return redis.Open(backendURL, redis.Options{Logger: logger})
	case "file":
		return file.Open(backendURL)
	}
	return nil, schemeError{scheme}
}

// missingDirectory reports whether a file:// coordinator has not been used yet.
func missingDirectory(backendURL string) (directory string, missing bool) {
	u, err := url.Parse(backendURL)
	if err != nil || u.Scheme != "file" || u.Host != "" || u.Path == "" {
		return "", false
	}
	_, err = os.Stat(u.Path)
	return u.Path, errors.Is(err, fs.ErrNotExist)
}

// elsewhere is a file:// URL with a directory that exists.
func elsewhere(backendURL string) string {
	u, err := url.Parse(backendURL)
	if err != nil {
		return backendURL
	}
	u.Path = os.TempDir()
	return u.String()
}

// describeCoordination says where this worker stands, for people.
func (s *settings) describeCoordination() string {
	c := s.coordination("")
	if c.url == "" {
		return "within this process: this worker polls everything itself"
	}
	address := c.member.Address
	if address == "" {
		address = "the web address of \"poller run\", if it is not on loopback"
	}
	return fmt.Sprintf("%s: member %s, %s; others ask it at %s", config.RedactURL(c.url), member(c.member),
		counted(c.settings.Partitions, "partition"), address)
}
