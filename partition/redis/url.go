package redis

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// target is what a URL says.
type target struct {
	tls       bool
	network   string   // tcp or unix
	addresses []string // of Redis, of Sentinels or of nodes of a Cluster; a path with unix
	username  string
	password  string
	db        int
	namespace string

	timeout, membership         time.Duration // as given; 0 when absent
	callTimeout, connectTimeout time.Duration
	lease                       time.Duration // 0 for the default

	files tlsFiles

	master                             string // with Sentinels
	sentinelUsername, sentinelPassword string
	sentinelTLS                        bool
	cluster                            bool
	further                            []string // Sentinels or nodes
}

const (
	redisPort, sentinelPort = "6379", "26379"
	// shortestLease leaves room for a few heartbeats, one of which may be lost.
	shortestLease = 3 * time.Second
	longestTime   = 24 * time.Hour
)

// parse reads a URL. What it quotes in errors can hold no part of a password, not even
// when the password has characters that should have been percent-encoded.
func parse(raw string) (*target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme != "redis" && scheme != "rediss" {
		return nil, errors.New("want redis://HOST:PORT or rediss://HOST:PORT")
	}
	malformed := errors.New("this is no URL; percent-encode what is special in the user, the password and in options (%40 for @, %2F for /, %3A for :, %25 for %)")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 && strings.Contains(rest[end:], "@") {
		return nil, malformed
	}
	u, err := url.Parse(raw)
	if err != nil || u.Fragment != "" {
		return nil, malformed
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, malformed
	}
	c := &target{tls: scheme == "rediss", network: "tcp", namespace: "ringmeter"}
	errs := []error{c.user(u.User), c.options(query), c.path(u)}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if err := errors.Join(c.together(query), c.address(u)); err != nil {
		return nil, err
	}
	c.lease = c.membership
	if c.lease == 0 {
		c.lease = c.timeout
	}
	return c, nil
}

func (c *target) user(u *url.Userinfo) error {
	if u == nil {
		return nil
	}
	c.username = u.Username()
	c.password, _ = u.Password()
	if c.username != "" && c.password == "" {
		return errors.New("there is a user without a password; write USER:PASSWORD@HOST, or :PASSWORD@HOST for the default user")
	}
	return nil
}

// path is a socket without a host, and the number of a database with one.
func (c *target) path(u *url.URL) error {
	path := strings.TrimPrefix(u.Path, "/")
	if u.Host == "" {
		if path == "" {
			return errors.New("there is neither a host nor the path of a socket; write redis://HOST:PORT or redis:///PATH")
		}
		c.network, c.addresses = "unix", []string{u.Path}
		return nil
	}
	if path == "" {
		return nil
	}
	db, err := database(path)
	if err != nil {
		return fmt.Errorf("path: %w", err)
	}
	if c.db != 0 && c.db != db {
		return fmt.Errorf("the path says database %d and the option db says %d; leave one out", db, c.db)
	}
	c.db = db
	return nil
}

// address completes the addresses of the service.
func (c *target) address(u *url.URL) error {
	if c.network == "unix" {
		return nil
	}
	port := redisPort
	if c.master != "" {
		port = sentinelPort
	}
	for _, host := range append([]string{u.Host}, c.further...) {
		address, err := hostPort(host, port)
		if err != nil {
			return err
		}
		c.addresses = append(c.addresses, address)
	}
	return nil
}

// hostPort adds a port unless there is one. IPv6 addresses are in brackets.
func hostPort(text, port string) (string, error) {
	u := url.URL{Host: text}
	host := u.Hostname()
	if p := u.Port(); p != "" {
		port = p
	}
	n, err := strconv.ParseUint(port, 10, 16)
	rest := strings.TrimSuffix(text, ":"+u.Port())
	if host == "" || err != nil || n == 0 || rest != host && rest != "["+host+"]" ||
		strings.Contains(host, ":") != strings.HasPrefix(text, "[") || strings.ContainsAny(host, "/@?#, ") {
		return "", fmt.Errorf("%q is no HOST:PORT", text)
	}
	return net.JoinHostPort(host, port), nil
}

// dialTimeout is until when a connection must be there.
func (c *target) dialTimeout() time.Duration {
	if c.connectTimeout == 0 {
		return c.callTimeout
	}
	return min(c.connectTimeout, c.callTimeout)
}

// String is the place of the service, without user and password.
func (c *target) String() string {
	scheme := "redis"
	if c.tls {
		scheme = "rediss"
	}
	place := scheme + "://" + strings.Join(c.addresses, ",")
	if c.network == "unix" {
		return place
	}
	if c.db != 0 {
		place += "/" + strconv.Itoa(c.db)
	}
	switch {
	case c.master != "":
		place += "?sentinel=" + url.QueryEscape(c.master)
	case c.cluster:
		place += "?cluster=true"
	}
	return place
}
