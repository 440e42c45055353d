package redis_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringmeter/ringmeter/partition/redis"
)

func TestOpen(t *testing.T) {
	for _, c := range []struct {
		url, place string
		ttl        time.Duration
	}{
		{"redis://localhost", "redis://localhost:6379", 0},
		{"redis://h:1/", "redis://h:1", 0},
		{"redis://h:1/2", "redis://h:1/2", 0},
		{"redis://h?db=2", "redis://h:6379/2", 0},
		{"redis://h/2?db=2", "redis://h:6379/2", 0},
		{"rediss://h", "rediss://h:6379", 0},
		{"redis://h?ssl=yes", "rediss://h:6379", 0},
		{"redis://[::1]", "redis://[::1]:6379", 0},
		{"redis://[fe80::1%25eth0]:7", "redis://[fe80::1%eth0]:7", 0},
		{"redis://user:s3cret@h", "redis://h:6379", 0},
		{"redis://:s3cret@h", "redis://h:6379", 0},
		{"redis://:s3%40%2F%3F%23%3A%25cret@h", "redis://h:6379", 0},
		{"redis://@h", "redis://h:6379", 0},
		{"redis:///run/redis/s.sock", "redis:///run/redis/s.sock", 0},
		{"redis://:s3cret@/run/redis/s.sock?db=3", "redis:///run/redis/s.sock", 0},
		{"redis://h?timeout=10", "redis://h:6379", 10 * time.Second},
		{"redis://h?timeout=30&membership_timeout=4.5", "redis://h:6379", 4500 * time.Millisecond},
		{"redis://h?namespace=_tooz&encoding=utf8&health_check_interval=1&lock_timeout=30&max_workers=4" +
			"&retry_on_timeout=1&socket_keepalive=True&socket_timeout=30&socket_connect_timeout=0.5", "redis://h:6379", 0},
		{"redis://a?sentinel=m%20m&sentinel_fallback=b&sentinel_fallback=[::1]:5&sentinel_username=u&sentinel_password=s3cret",
			"redis://a:26379,b:26379,[::1]:5?sentinel=m+m", 0},
		{"redis://a:1/3?sentinel=m&sentinel_ssl=true", "redis://a:1/3?sentinel=m", 0},
		{"redis://a?cluster=true&cluster_node=b&cluster_node=c:7", "redis://a:6379,b:6379,c:7?cluster=true", 0},
	} {
		b := open(t, c.url)
		if b.String() != c.place || b.TTL() != c.ttl {
			t.Errorf("%s: at %s with a lease of %v, want %s and %v", c.url, b, b.TTL(), c.place, c.ttl)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	junk := filepath.Join(t.TempDir(), "junk")
	if err := os.WriteFile(junk, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	secret := regexp.MustCompile(`\bs3|cret`) // either half of it, where it was torn
	malformed := "this is no URL; percent-encode what is special in the user, the password and in options (%40 for @, %2F for /, %3A for :, %25 for %)"
	for _, c := range []struct{ url, want string }{
		{"", "want redis://HOST:PORT or rediss://HOST:PORT"},
		{"h:6379", "want redis://HOST:PORT or rediss://HOST:PORT"},
		{"http://h", "want redis://HOST:PORT or rediss://HOST:PORT"},
		{"redis://", "there is neither a host nor the path of a socket; write redis://HOST:PORT or redis:///PATH"},
		{"redis://h:x", malformed},
		{"redis://h:99999", `"h:99999" is no HOST:PORT`},
		{"redis://h:0", `"h:0" is no HOST:PORT`},
		{"redis://:6379", `":6379" is no HOST:PORT`},
		{"redis://:s3/cret@h", malformed},
		{"redis://:s3?cret@h", malformed},
		{"redis://:s3#cret@h", malformed},
		{"redis://:s3%zzcret@h", malformed},
		{"redis://u:s3@cret@h:x", malformed},
		{"redis://h#s3cret", malformed},
		{"redis://h?a=%zz", malformed},
		{"redis://s3cret@h", "there is a user without a password; write USER:PASSWORD@HOST, or :PASSWORD@HOST for the default user"},
		{"redis://h/x", `path: "x" is no number of a database`},
		{"redis://h/1?db=2", "the path says database 1 and the option db says 2; leave one out"},
		{"redis://h?db=-1", `option db: "-1" is no number of a database`},
		{"redis://h?timeout=", `option timeout: "" is no number of seconds from 0.001 to 86400`},
		{"redis://h?timeout=NaN", `option timeout: "NaN" is no number of seconds from 0.001 to 86400`},
		{"redis://h?socket_timeout=1e300", `option socket_timeout: "1e300" is no number of seconds from 0.001 to 86400`},
		{"redis://h?membership_timeout=2.9", "option membership_timeout: a lease of 2.9 s is over before a lost heartbeat is repeated; give it 3 s or more"},
		{"redis://h?namespace=a{b", `option namespace: "a{b" is no namespace; use letters, digits and punctuation without braces`},
		{"redis://h?db=1&db=1", "option db is given 2 times; leave one"},
		{"redis://h?sentinal=m", "option sentinal is not known; did you mean sentinel?"},
		{"redis://h?s3*cret=m", "there is an option that no option is called like (is a ? in the password? write %3F); there are cluster, "},
		{"redis://h?colour=m", "option colour is not known; there are cluster, cluster_node, db, "},
		{"redis://h?ssl=maybe", `option ssl: "maybe" is neither true nor false`},
		{"rediss://h?ssl=false", "option ssl: the URL begins with rediss://; write redis:// for none"},
		{"redis://h?ssl_ca_certs=/ca", "there are ssl files without TLS; write rediss:// or add ssl=true"},
		{"rediss://h?ssl_ca_certs=/nowhere", "option ssl_ca_certs: open /nowhere: no such file or directory"},
		{"rediss://h?ssl_ca_certs=" + junk, "option ssl_ca_certs: " + junk + " holds no certificate in PEM form"},
		{"rediss://h?ssl_certfile=" + junk, "options ssl_certfile and ssl_keyfile: tls: failed to find any PEM data in certificate input"},
		{"rediss://h?ssl_keyfile=" + junk, "option ssl_keyfile means nothing without ssl_certfile; add that or leave it out"},
		{"rediss:///s.sock", "TLS means nothing on a socket; write redis:// without ssl"},
		{"redis:///s.sock?cluster=1", "Sentinels and Clusters are not on a socket; write HOST:PORT"},
		{"redis://h?sentinel=", "option sentinel: it is empty; give it a value or leave it out"},
		{"redis://h?sentinel=m&cluster=1", "sentinel and cluster exclude each other; leave one out"},
		{"redis://h?sentinel_password=s3cret", "option sentinel_password means nothing without sentinel; add that or leave it out"},
		{"redis://h?sentinel=m&sentinel_fallback=a:b", `option sentinel_fallback: "a:b" is no HOST:PORT`},
		{"redis://h?sentinel=m&sentinel_fallback=::1", `option sentinel_fallback: "::1" is no HOST:PORT`},
		{"redis://h?cluster_node=a", "option cluster_node means nothing without cluster; add that or leave it out"},
		{"redis://h?cluster=no&cluster_node=a", "cluster_node means nothing without cluster=true; add that or leave it out"},
		{"redis://h/1?cluster=1", "a Cluster has no databases; leave db out"},
		{"redis://h?timeout=1&db=x", "option db: \"x\" is no number of a database\noption timeout: a lease of 1 s is over before"},
	} {
		_, err := redis.Open(c.url, redis.Options{})
		if err == nil {
			t.Errorf("%s: no error, want %s", c.url, c.want)
			continue
		}
		got, ok := strings.CutPrefix(err.Error(), "reading the coordinator's URL: ")
		if !ok || !strings.HasPrefix(got, c.want) || secret.MatchString(got) {
			t.Errorf("%s: error %s\nwant %s", c.url, got, c.want)
		}
	}
}

// FuzzOpen: whatever stands around it in the URL, a password is in no error and no place.
func FuzzOpen(f *testing.F) {
	for _, tail := range []string{"", "/x", "?db=1", "#x", "%zz", "@x", ":y", "[", "/@x?db=", "\x00"} {
		f.Add("user:", tail, "?timeout=5")
		f.Add("", tail, "2?sentinel=m&sentinel_fallback=a")
		f.Add(":", tail, "?ssl_ca_certs=/x&colour=1&timeout=1")
	}
	f.Fuzz(func(t *testing.T, before, tail, after string) {
		const secret = "Zq7XvKw"
		raw := "redis://" + before + secret + tail + "@h/" + after
		b, err := redis.Open(raw, redis.Options{})
		text := fmt.Sprint(b, err)
		if err == nil {
			b.Close()
		}
		if strings.Contains(text, secret) {
			t.Errorf("%q: %s", raw, text)
		}
	})
}
