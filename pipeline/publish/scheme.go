package publish

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/metering"
	"github.com/ringmeter/ringmeter/pipeline"
)

// samples is what every publisher of this package takes.
type samples = pipeline.Publisher[metering.Sample]

// opener connects what has been checked; it may leave connecting to the first Publish.
type opener func(Env) (samples, error)

// scheme is one kind of publisher.
type scheme struct {
	name string
	// read checks a URL and everything in it without touching what it names.
	read func(*options) opener
	// forwards: parameters that the publisher does not know belong to its target.
	forwards bool
	// local: takes what it is given at once, so nothing queues before it.
	local func(*url.URL) bool
	// first: the first value of a repeated parameter counts.
	first bool
}

func never(*url.URL) bool         { return false }
func always(*url.URL) bool        { return true }
func withoutHost(u *url.URL) bool { return u.Host == "" }

// schemes are the publishers of this build.
func schemes() []scheme {
	return []scheme{
		{name: "file", read: readFile, local: never, first: true},
		{name: "http", read: readHTTP, local: never, forwards: true},
		{name: "https", read: readHTTP, local: never, forwards: true},
		{name: "prometheus", read: readPrometheus, local: withoutHost, forwards: true},
		{name: "stdout", read: readStdout, local: never},
		{name: "tcp", read: readTCP, local: never},
		{name: "test", read: readTest, local: always},
		{name: "udp", read: readUDP, local: never},
	}
}

// elsewhere are publishers of Ceilometer that this build does not have.
func elsewhere() []string {
	return []string{"direct", "gnocchi", "kafka", "notifier", "opentelemetryhttp", "zaqar"}
}

// plan is a URL that has been read.
type plan struct {
	open    opener
	policy  policy
	local   bool
	warning string
}

// read checks a URL and says how to open it. Errors hold no secret of it.
func read(text string) (plan, error) {
	u, err := url.Parse(text)
	if err != nil {
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err // without the text of the URL, which may hold a password
		}
		if hidden := config.RedactURL(text); strings.ContainsRune(text, '@') && hidden != text {
			err = errors.New("is not a URL; write special characters of the password as %XX")
		}
		return plan{}, fmt.Errorf("publisher %s: %w", config.RedactURL(text), err)
	}
	fail := func(err error) (plan, error) {
		return plan{}, fmt.Errorf("publisher %s: %w", config.RedactURL(text), err)
	}
	all := schemes()
	at := slices.IndexFunc(all, func(s scheme) bool { return s.name == u.Scheme })
	if at < 0 {
		return fail(unknownScheme(u.Scheme, all))
	}
	s := all[at]
	o, err := newOptions(u)
	if err != nil {
		return fail(err)
	}
	o.first = s.first
	p := plan{local: s.local(u)}
	if !p.local {
		p.policy = readPolicy(o)
	}
	p.open = s.read(o)
	if s.forwards && !p.local {
		p.warning = o.nearMiss()
	} else {
		o.refuseRest()
	}
	if len(o.faults) > 0 {
		return fail(errors.Join(o.faults...))
	}
	return p, nil
}

func unknownScheme(name string, all []scheme) error {
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	list := strings.Join(names, "://, ") + "://"
	if slices.Contains(elsewhere(), name) {
		return fmt.Errorf("%s:// is a publisher of Ceilometer that this build does not have; there are %s", name, list)
	}
	if s := config.Suggest(name, slices.Values(names)); s != "" {
		return fmt.Errorf("there is no publisher %s://; did you mean %s://? There are %s", name, s, list)
	}
	return fmt.Errorf("there is no publisher %s://; there are %s", name, list)
}

// Check reads a publisher's URL as Open does, but opens nothing: scheme, parameters and
// their values. The warning, if not empty, is about what works but was probably not meant.
// Neither holds a password of the URL.
func Check(url string) (warning string, err error) {
	p, err := read(url)
	return p.warning, err
}

// CheckConfig is Check for every publisher of a pipeline, with where each stands. The
// error is a config.Diagnostics.
func CheckConfig(c *pipeline.Config) (warnings []config.Diagnostic, err error) {
	var faults config.Diagnostics
	for _, sink := range c.Sinks {
		for _, ref := range sink.Publishers {
			at := ref.At
			warning, err := Check(ref.URL)
			if err != nil {
				at.Problem = err.Error()
				faults = append(faults, at)
			} else if warning != "" {
				at.Problem = warning
				warnings = append(warnings, at)
			}
		}
	}
	return warnings, faults.Err()
}

// endpoint is the host and port of a URL that must not have a path.
func endpoint(o *options, port string) string {
	host := o.url.Hostname()
	if host == "" {
		o.faults = append(o.faults, errors.New("the host is missing; write "+o.url.Scheme+"://host:"+port))
	}
	if p := o.url.Port(); p != "" {
		port = p
	}
	if strings.Trim(o.url.Path, "/") != "" {
		o.faults = append(o.faults, fmt.Errorf("the path %q has no meaning here; remove it", o.url.Path))
	}
	return net.JoinHostPort(host, port)
}
