package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// masterLife is how long a connection to a master that Sentinels named lasts before they
// are asked again: one that is cut off from them would never say that it is none any more.
const masterLife = 30 * time.Second

// poolSize is far above the calls that a link lets through: after as many failures to dial
// a pool would answer with old errors and dial on its own, even after its end.
const poolSize = 1024

// dialer makes connections, with TLS where it is wanted.
type dialer struct {
	plain     net.Dialer
	redis     *tls.Config // nil for none
	sentinels *tls.Config
}

type dial func(ctx context.Context, network, address string) (net.Conn, error)

func newDialer(c *target) (*dialer, error) {
	d := &dialer{plain: net.Dialer{KeepAlive: 5 * time.Second}}
	if !c.tls && !c.sentinelTLS {
		return d, nil
	}
	conf, err := c.files.load()
	if err != nil {
		return nil, err
	}
	if c.tls {
		d.redis = conf
	}
	if c.sentinelTLS {
		d.sentinels = conf
	}
	return d, nil
}

// with dials with a TLS configuration, or plainly when it is nil. The server must be the
// one in the address.
func (d *dialer) with(conf *tls.Config) dial {
	if conf == nil {
		return d.plain.DialContext
	}
	return (&tls.Dialer{NetDialer: &d.plain, Config: conf}).DialContext
}

// connect makes a client. Nothing in it repeats a call.
func connect(c *target, d *dialer) goredis.UniversalClient {
	if c.cluster {
		return connectCluster(c, d)
	}
	o := c.single()
	o.Network, o.Addr = c.network, c.addresses[0]
	o.Username, o.Password, o.DB = c.username, c.password, c.db
	o.Dialer = d.with(d.redis)
	if c.master != "" {
		o.ConnMaxLifetime = masterLife
		o.Dialer = func(ctx context.Context, network, _ string) (net.Conn, error) {
			master, err := askSentinels(ctx, c, d)
			if err != nil {
				return nil, err
			}
			return d.with(d.redis)(ctx, network, master)
		}
	}
	return goredis.NewClient(o)
}

// single is what all connections have in common.
func (c *target) single() *goredis.Options {
	return &goredis.Options{
		Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true,
		ContextTimeoutEnabled: true, DialTimeout: c.dialTimeout(),
		ReadTimeout: c.callTimeout, WriteTimeout: c.callTimeout, PoolTimeout: c.callTimeout,
		PoolSize: poolSize, PipelinePoolSize: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func connectCluster(c *target, d *dialer) goredis.UniversalClient {
	o := c.single()
	cluster := goredis.NewClusterClient(&goredis.ClusterOptions{
		Addrs: c.addresses, Dialer: d.with(d.redis), Username: c.username, Password: c.password,
		Protocol: o.Protocol, MaxRetries: o.MaxRetries, DialerRetries: o.DialerRetries,
		DisableIdentity: true, ContextTimeoutEnabled: true, DialTimeout: o.DialTimeout,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, PoolTimeout: o.PoolTimeout,
		PoolSize: o.PoolSize, DisableRoutingPolicies: true,
		MaintNotificationsConfig: o.MaintNotificationsConfig,
	})
	cluster.OnNewNode(func(node *goredis.Client) { node.AddHook(once{}) })
	return cluster
}

// once keeps a Cluster client from repeating a call that a node has perhaps run. What a
// node refuses (it is elsewhere, the cluster is down) is still asked again.
type once struct{}

// brokenError hides from the Cluster client what kind of error it is.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func (once) DialHook(next goredis.DialHook) goredis.DialHook { return next }

func (once) ProcessPipelineHook(next goredis.ProcessPipelineHook) goredis.ProcessPipelineHook {
	return next
}

func (once) ProcessHook(next goredis.ProcessHook) goredis.ProcessHook {
	return func(ctx context.Context, cmd goredis.Cmder) error {
		err := next(ctx, cmd)
		if _, refused := errors.AsType[goredis.Error](err); err == nil || refused || errors.Is(err, context.Canceled) {
			return err
		}
		err = &brokenError{err.Error()}
		cmd.SetErr(err)
		return err
	}
}

// askSentinels asks one after the other for the address of the master.
func askSentinels(ctx context.Context, c *target, d *dialer) (string, error) {
	var errs []error
	for _, address := range c.addresses {
		master, err := askSentinel(ctx, c, d, address, len(c.addresses))
		if err == nil {
			return master, nil
		}
		errs = append(errs, fmt.Errorf("asking sentinel %s for master %q: %w", address, c.master, err))
	}
	return "", errors.Join(errs...)
}

// askSentinel takes no more than a fair part of the time, since a Sentinel may hang.
func askSentinel(ctx context.Context, c *target, d *dialer, address string, of int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.dialTimeout()/time.Duration(of+1))
	defer cancel()
	o := c.single()
	o.Addr, o.Username, o.Password = address, c.sentinelUsername, c.sentinelPassword
	o.Dialer = d.with(d.sentinels)
	sentinel := goredis.NewSentinelClient(o)
	defer sentinel.Close()
	found, err := sentinel.GetMasterAddrByName(ctx, c.master).Result()
	switch {
	case errors.Is(err, goredis.Nil):
		return "", errors.New("it knows no master of that name")
	case err != nil:
		return "", err
	case len(found) != 2:
		return "", fmt.Errorf("%d values are no address", len(found))
	}
	return net.JoinHostPort(found[0], found[1]), nil
}
