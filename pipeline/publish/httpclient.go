package publish

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// target is where and how http, https and prometheus publishers send requests.
type target struct {
	url            url.URL // without user and own parameters
	user, password string
	timeout        time.Duration
	redials        int // of a connection that cannot be made, within one request
	contentType    string

	verify            bool
	ca                string // file, "" for those of the system
	certFile, keyFile string

	client *http.Client
}

// readTarget reads the parameters that all of them share, except ssl.
func readTarget(o *options) *target {
	t := &target{
		timeout: o.seconds("timeout", 5*time.Second),
		redials: o.number("max_retries", 2, 0),
		verify:  true, contentType: "application/json",
		certFile: o.text("clientcert", ""), keyFile: o.text("clientkey", ""),
	}
	if v, ok := o.value("verify_ssl"); ok {
		if b, isBool := parseBool(v); isBool {
			t.verify = b
		} else {
			t.ca = v
		}
	}
	if t.keyFile != "" && t.certFile == "" {
		o.faults = append(o.faults, errors.New("clientkey is of no use without clientcert"))
	}
	if o.url.Hostname() == "" {
		o.faults = append(o.faults, fmt.Errorf("the host is missing; write %s://host/path", o.url.Scheme))
	}
	if u := o.url.User; u != nil {
		if password, ok := u.Password(); ok && u.Username() != "" {
			t.user, t.password = u.Username(), password
		}
	}
	return t
}

// aim sets the URL, when all parameters of the publisher have been read.
func (t *target) aim(scheme string, o *options) {
	t.url = *o.url
	t.url.Scheme, t.url.User, t.url.Fragment = scheme, nil, ""
	t.url.RawQuery = o.rest().Encode()
}

// connect reads the files it needs and makes the client.
func (t *target) connect(env Env) error {
	trust := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: !t.verify} //nolint:gosec // verify_ssl=false says so
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return fmt.Errorf("verify_ssl: reading certificates: %w", err)
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("verify_ssl: there is no certificate in %s", t.ca)
		}
	}
	if t.certFile != "" {
		key := t.keyFile
		if key == "" {
			key = t.certFile // one file may hold both
		}
		pair, err := tls.LoadX509KeyPair(t.certFile, key)
		if err != nil {
			return fmt.Errorf("clientcert, clientkey: %w", err)
		}
		trust.Certificates = []tls.Certificate{pair}
	}
	t.client = &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: t.timeout, KeepAlive: 30 * time.Second}).DialContext,
			TLSClientConfig:     trust,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: env.MaxParallel,
			MaxConnsPerHost:     env.MaxParallel,
			IdleConnTimeout:     time.Minute,
		},
		CheckRedirect: keepBody,
	}
	return nil
}

// keepBody follows a redirect only when the request is repeated as it is: after 301, 302
// and 303 it would become a GET, and what it carried would be lost with a nice answer.
func keepBody(r *http.Request, via []*http.Request) error {
	if r.Method != via[0].Method || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}

// Close implements io.Closer.
func (t *target) Close() error {
	t.client.CloseIdleConnections()
	return nil
}

// post sends one request and judges the answer: 2xx, and 3xx that do not redirect, are
// success.
func (t *target) post(ctx context.Context, to *url.URL, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	for tries := 0; ; tries++ {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
		if err != nil {
			return permanent(fmt.Errorf("making a request: %w", withoutURL(err)))
		}
		r.Header.Set("Content-Type", t.contentType)
		r.Header.Set("User-Agent", "ringmeter")
		if t.user != "" {
			r.SetBasicAuth(t.user, t.password)
		}
		answer, err := t.client.Do(r)
		if err == nil {
			err = judge(answer)
			return err
		}
		if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" && tries < t.redials && ctx.Err() == nil {
			continue
		}
		return fmt.Errorf("posting to %s: %w", to.Host, withoutURL(err))
	}
}

// withoutURL is err without the URL, whose query may hold a token.
func withoutURL(err error) error {
	if inner, ok := errors.AsType[*url.Error](err); ok {
		return inner.Err
	}
	return err
}

// maxAnswer bounds what is read of an answer, so that its connection can be used again.
const maxAnswer = 64 << 10

// judge makes an error of an answer that is not success, and closes it.
func judge(answer *http.Response) error {
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	code := answer.StatusCode
	redirect := slices.Contains([]int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect}, code)
	if code >= 200 && code < 400 && !redirect {
		return nil
	}
	host := answer.Request.URL.Host
	if redirect {
		return fmt.Errorf("%s answers %s, which would lose the samples; write the URL that it redirects to", host, answer.Status)
	}
	err := fmt.Errorf("%s answers %s", host, answer.Status)
	if said := strings.Join(strings.Fields(cut(string(text), 200)), " "); said != "" {
		err = fmt.Errorf("%w: %q", err, said)
	}
	switch {
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		if after := retryAfter(answer.Header.Get("Retry-After"), time.Now()); after > 0 {
			return &delayedError{err: err, after: after}
		}
		return err
	default:
		return &permanentError{err, code}
	}
}

// retryAfter reads the header of that name: seconds or a date; 0 for neither.
func retryAfter(header string, now time.Time) time.Duration {
	if s, err := strconv.Atoi(header); err == nil {
		return time.Duration(max(min(s, int(longestDelay/time.Second)), 0)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
