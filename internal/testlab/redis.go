package testlab

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// RedisOptions say how a server runs. The zero value is one on a port, without persistence.
type RedisOptions struct {
	Args           []string // further ones, "--maxmemory", "1mb"
	Socket         bool     // listens on a socket instead of a port
	User, Password string   // the only ones that may do anything; a password alone is the default user's
	TLS            *Certs   // listens with TLS alone and wants certificates of clients
	Persist        bool     // keeps its data through Restart
	sentinel       string   // configuration of one, instead of a server of data
}

// Redis is a running redis-server.
type Redis struct {
	options RedisOptions
	dir     string
	port    string // "" with a socket
	process *process
}

// StartRedis runs a server until the test ends. It answers when StartRedis returns.
func StartRedis(t testing.TB, o RedisOptions) *Redis {
	t.Helper()
	dir, err := os.MkdirTemp("", "redis") //nolint:usetesting // sockets have short paths, and that one holds the test's name
	if err != nil {
		t.Fatalf("making a folder for redis: %v", err)
	}
	r := &Redis{options: o, dir: dir}
	t.Cleanup(func() {
		if r.process != nil {
			r.process.stop(t, syscall.SIGKILL)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing the folder of redis: %v", err)
		}
	})
	logging.Disable() // a server that does not answer yet is no news
	for range 10 {    // times that somebody else takes the port
		if !o.Socket {
			r.port = freePort(t)
		}
		if r.start(t) {
			return r
		}
	}
	t.Fatalf("starting redis: it does not run:\n%s", r.process.output)
	return nil
}

// start reports whether the server runs.
func (r *Redis) start(t testing.TB) bool {
	t.Helper()
	o := r.options
	listen := []string{"--port", r.port}
	switch {
	case o.Socket:
		listen = []string{"--port", "0", "--unixsocket", r.Addr()}
	case o.TLS != nil:
		listen = []string{"--port", "0", "--tls-port", r.port, "--tls-cert-file", o.TLS.ServerCert,
			"--tls-key-file", o.TLS.ServerKey, "--tls-ca-cert-file", o.TLS.CA, "--tls-replication", "yes"}
	}
	args := append(listen, "--bind", "127.0.0.1", "--dir", r.dir, "--daemonize", "no")
	if o.sentinel != "" {
		conf := filepath.Join(r.dir, "sentinel.conf")
		if err := os.WriteFile(conf, []byte(o.sentinel), 0o600); err != nil {
			t.Fatalf("writing the configuration of a sentinel: %v", err)
		}
		args = append([]string{conf, "--sentinel"}, args...)
	} else {
		args = append(args, "--save", "", "--repl-diskless-sync-delay", "0")
	}
	if o.Persist {
		args = append(args, "--appendonly", "yes")
	}
	if o.Password != "" && o.User == "" {
		args = append(args, "--requirepass", o.Password)
	}
	if o.User != "" {
		args = append(args, "--user", "default", "off", "--user", o.User, "on", ">"+o.Password, "~*", "+@all")
	}
	r.process = launch(t, serverBinary(t), append(args, o.Args...)...)
	return r.process.await(t, "redis answers", func() bool {
		_, err := r.TryDo(t.Context(), "INFO", "server")
		return err == nil
	})
}

// Addr is HOST:PORT, or the path of the socket.
func (r *Redis) Addr() string {
	if r.port == "" {
		return filepath.Join(r.dir, "s")
	}
	return net.JoinHostPort("127.0.0.1", r.port)
}

// URL is where the server is, with user and password, and with the files of TLS.
func (r *Redis) URL() string {
	u := url.URL{Scheme: "redis", Host: r.Addr()}
	if r.port == "" {
		u.Host, u.Path = "", r.Addr()
	}
	if r.options.Password != "" {
		u.User = url.UserPassword(r.options.User, r.options.Password)
	}
	if c := r.options.TLS; c != nil {
		u.Scheme = "rediss"
		u.RawQuery = url.Values{"ssl_ca_certs": {c.CA}, "ssl_certfile": {c.ClientCert}, "ssl_keyfile": {c.ClientKey}}.Encode()
	}
	return u.String()
}

// Stop ends the server as an operator does, Kill as a power failure.
func (r *Redis) Stop(t testing.TB) { t.Helper(); r.process.stop(t, syscall.SIGTERM) }

// Kill ends the server without a chance to save anything.
func (r *Redis) Kill(t testing.TB) { t.Helper(); r.process.stop(t, syscall.SIGKILL) }

// Restart starts the server again where it was, after Stop or Kill, or kills it first.
// With RedisOptions.Persist it still has its data.
func (r *Redis) Restart(t testing.TB) {
	t.Helper()
	r.Kill(t)
	if !r.start(t) {
		t.Fatalf("restarting redis: it does not run:\n%s", r.process.output)
	}
}

// Forget removes what a stopped server has kept for its restart.
func (r *Redis) Forget(t testing.TB) {
	t.Helper()
	kept, err := filepath.Glob(filepath.Join(r.dir, "append*"))
	if err != nil {
		t.Fatalf("listing the data of redis: %v", err)
	}
	for _, path := range kept {
		if err := os.RemoveAll(path); err != nil {
			t.Fatalf("removing the data of redis: %v", err)
		}
	}
}

// Pause freezes the server: connections stay and nothing is answered until Resume.
func (r *Redis) Pause(t testing.TB) { t.Helper(); r.process.signal(t, syscall.SIGSTOP) }

// Resume ends Pause.
func (r *Redis) Resume(t testing.TB) { t.Helper(); r.process.signal(t, syscall.SIGCONT) }

// Do sends a command on a connection of its own and returns the answer.
func (r *Redis) Do(t testing.TB, args ...any) any {
	t.Helper()
	answer, err := r.TryDo(t.Context(), args...)
	if err != nil {
		t.Fatalf("sending %v to redis: %v", args, err)
	}
	return answer
}

// TryDo is Do for what may fail.
func (r *Redis) TryDo(ctx context.Context, args ...any) (any, error) {
	o := &goredis.Options{Network: "tcp", Addr: r.Addr(), Username: r.options.User, Password: r.options.Password,
		Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, ContextTimeoutEnabled: true}
	if r.port == "" {
		o.Network = "unix"
	}
	if r.options.TLS != nil {
		o.TLSConfig = r.options.TLS.client()
	}
	c := goredis.NewClient(o)
	defer c.Close()
	return c.Do(ctx, args...).Result()
}

// AwaitInfo waits until the server's INFO holds a text.
func (r *Redis) AwaitInfo(t testing.TB, section, text string) {
	t.Helper()
	r.await(t, "INFO "+section+" holds "+text, text, "INFO", section)
}

func (r *Redis) await(t testing.TB, what, text string, args ...any) {
	t.Helper()
	if !r.process.await(t, what, func() bool {
		answer, err := r.TryDo(t.Context(), args...)
		s, ok := answer.(string)
		return err == nil && ok && strings.Contains(s, text)
	}) {
		t.Fatalf("waiting until %s: redis has ended:\n%s", what, r.process.output)
	}
}

// client is the configuration of one that the server lets in.
func (c *Certs) client() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.pool, Certificates: []tls.Certificate{c.clientPair}}
}
