package publish_test

import (
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/pipeline/publish"
)

const list = "there are file://, http://, https://, prometheus://, stdout://, tcp://, test://, udp://"

func TestCheck(t *testing.T) {
	for _, c := range []struct{ url, err, warning string }{
		{url: "test://"}, {url: "test://name"}, {url: "stdout://"}, {url: "prometheus://"},
		{url: "prometheus://?prefix=openstack_&expire=600"}, {url: "prometheus://?expire=10m"},
		{url: "prometheus://gw:9091/metrics/job/x?ssl=true"},
		{url: "file:///tmp/x?json&max_bytes=1000&backup_count=5&policy=queue&max_queue_length=0"},
		{url: "http://u:p@h/in?timeout=0.5&max_retries=3&batch=no&verify_ssl=/etc/ca.pem&clientcert=c&clientkey=k&raw_only=1"},
		{url: "https://h?token=abc&policy=drop&max_retry=5"},
		{url: "udp://[::1]:4952"}, {url: "udp://h"}, {url: "tcp://h/"},

		{url: "https://h?time_out=3", warning: `parameter "time_out" is sent to the target; did you mean timeout?`},

		{url: "gnocchi://?archive_policy=low", err: "publisher gnocchi://?archive_policy=low: gnocchi:// is a publisher of Ceilometer that this build does not have; " + list},
		{url: "notifier://", err: "notifier:// is a publisher of Ceilometer that this build does not have"},
		{url: "zaqar://", err: "zaqar:// is a publisher of Ceilometer that this build does not have"}, {url: "kafka://h", err: "kafka:// is a publisher of Ceilometer that this build does not have"},
		{url: "direct://", err: "direct:// is a publisher of Ceilometer that this build does not have"}, {url: "opentelemetryhttp://h", err: "opentelemetryhttp:// is a publisher of Ceilometer that this build does not have"},
		{url: "htps://u:secret@h", err: "publisher htps://u:***@h: there is no publisher htps://; did you mean https://? There are file://"},
		{url: "nonsense://", err: "publisher nonsense://: there is no publisher nonsense://; " + list},
		{url: "://", err: "publisher ://: "}, {url: "", err: "there is no publisher ://"},
		{url: "udp://h?policy=qeue", err: `publisher udp://h?policy=qeue: parameter policy: "qeue" is not one of default, queue and drop; did you mean queue?`},
		{url: "udp://h?max_queue_lengths=3", err: `there is no parameter "max_queue_lengths"; did you mean max_queue_length?; there are max_queue_length, max_retry, policy`},
		{url: "stdout://?x=1", err: `there is no parameter "x"; there are max_queue_length, max_retry, policy`},
		{url: "stdout://h", err: "takes neither host nor path; write stdout://"},
		{url: "udp://h?max_retry=-1", err: `parameter max_retry: "-1" is not a whole number of at least 0`},
		{url: "tcp://", err: "the host is missing; write tcp://host:4952"},
		{url: "tcp://h/x", err: `the path "/x" has no meaning here`},
		{url: "file://", err: "the path is missing; write file:///path/to/file"},
		{url: "file://var/x", err: `"var" is read as a host; write file:///var/x`},
		{url: "file:///x?max_bytes=many", err: `parameter max_bytes: "many" is not a whole number`},
		{url: "http://", err: "the host is missing; write http://host/path"},
		{url: "http://h?timeout=0", err: `parameter timeout: "0" is not a number of seconds above 0`},
		{url: "http://h?timeout=NaN", err: `parameter timeout: "NaN"`}, {url: "http://h?timeout=-5s", err: `parameter timeout: "-5s"`},
		{url: "http://h?batch=maybe", err: `parameter batch: "maybe" is not true or false`},
		{url: "http://h?clientkey=k", err: "clientkey is of no use without clientcert"},
		{url: "prometheus:///metrics/job/x", err: "the host is missing; write prometheus://host:9091"},
		{url: "prometheus://?prefx=a", err: `there is no parameter "prefx"; did you mean prefix?`},
		{url: "http://h?a=%zz", err: `parameters: invalid URL escape "%zz"`},
		{url: "http://u:pass/word@h/", err: "publisher http://u:***@h/: is not a URL; write special characters of the password as %XX"},
	} {
		warning, err := publish.Check(c.url)
		switch {
		case (err == nil) != (c.err == ""), err != nil && !strings.Contains(err.Error(), c.err):
			t.Errorf("Check(%q) = %v\n want %s", c.url, err, c.err)
		case warning != c.warning:
			t.Errorf("Check(%q) warns %q, want %q", c.url, warning, c.warning)
		}
		if err != nil && strings.Contains(err.Error()+warning, "secret") {
			t.Errorf("Check(%q) tells the password: %v", c.url, err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, url := range []string{"test://", "http://u:p@h/x?timeout=3&verify_ssl=x", "file:///x?json&max_bytes=1", "udp://[::1]:1", "prometheus://?prefix=x", "%", "x://?policy=%"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		_, err := publish.Check(url)
		if err != nil && !strings.HasPrefix(err.Error(), "publisher ") {
			t.Errorf("Check(%q) = %v, which does not say what it is about", url, err)
		}
		secret := "s3cr3t-of-nobody"
		if strings.Contains(url, secret) || strings.Contains(url, "@") {
			return
		}
		scheme, rest, ok := strings.Cut(url, "://")
		if !ok {
			return
		}
		if w, err := publish.Check(scheme + "://user:" + secret + "@" + rest); err != nil && strings.Contains(err.Error(), secret) || strings.Contains(w, secret) {
			t.Errorf("the password of %q is in %v, %q", url, err, w)
		}
	})
}
