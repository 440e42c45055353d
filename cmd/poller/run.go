package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringmeter/ringmeter/internal/lifecycle"
	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/partition/worker"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pollster"
)

// grace is what every stage of the daemon gets beyond the drain time to end in order.
const grace = 5 * time.Second

type runCommand struct {
	Listen    []string `name:"web.listen-address" default:"127.0.0.1:8977" placeholder:"ADDRESS" help:"Where to serve the status page and /metrics; may be repeated. Default: ${default}. Write :8977 to serve all networks."`
	WebConfig string   `name:"web.config.file" placeholder:"FILE" help:"Prometheus web configuration file: TLS, client certificates, basic auth."`
}

// daemon is one running poller.
type daemon struct {
	line       *commandLine
	process    process
	log        *logFile
	logger     *slog.Logger
	started    time.Time
	health     *telemetry.Health
	notifier   *telemetry.Notifier
	publishers *publish.Set
	lasting    lasting
	address    string // of the web port for others; "" when they cannot reach it
	current    atomic.Pointer[generation]
	refused    atomic.Pointer[string] // why the last reload was refused; nil when it was not
	reloads    chan struct{}          // one that is asked for while one runs is remembered
}

// Run polls and publishes until a signal or a failure ends it.
func (c runCommand) Run(ctx context.Context, line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	log, err := openLog(s.conf.String("DEFAULT", "log_file"), p.stderr)
	if err != nil {
		return usageError{err}
	}
	defer log.Close()
	logger, err := line.logger(s, log, slog.LevelInfo)
	if err != nil {
		return err
	}
	for _, w := range s.warnings {
		logger.Warn("configuration", "where", w.Position(), "problem", w.Problem, "fix", w.Fix)
	}
	d, web, err := c.assemble(s, line, p, prometheus.NewRegistry(), logger)
	if err != nil {
		return err
	}
	d.log = log
	if err := web.Listen(); err != nil {
		return err
	}

	life, end := context.WithCancel(ctx)
	defer end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go d.obey(life, stop)
	c.announce(d, web)
	err = lifecycle.Run(ctx, s.drain()+grace,
		lifecycle.Stage{Name: "web", Run: web.Run},
		lifecycle.Stage{Name: "watchdog", Run: d.watch},
		lifecycle.Stage{Name: "publishers", Run: d.publishers.Run},
		lifecycle.Stage{Name: "metering", Run: d.meter},
	)
	if err == nil {
		logger.Info("stopped", "uptime", time.Since(d.started).Round(time.Second))
	}
	return err
}

// assemble makes the parts of the daemon; nothing runs yet.
func (c runCommand) assemble(s *settings, line *commandLine, p process, registry *prometheus.Registry, logger *slog.Logger) (*daemon, *telemetry.Server, error) {
	notifier, err := telemetry.NewNotifier()
	if err != nil {
		return nil, nil, usageError{err}
	}
	if err := telemetry.RegisterBuild(registry); err != nil {
		return nil, nil, err
	}
	d := &daemon{
		line: line, process: p, logger: logger, started: time.Now(),
		health: telemetry.NewHealth("metering"), notifier: notifier,
		lasting: lasting{pollster.NewMetrics(registry), pipeline.NewMetrics(registry), worker.NewMetrics(registry), &pollster.History{}},
		address: advertised(c.Listen, s.host, servesTLS(c.WebConfig)),
		reloads: make(chan struct{}, 1),
	}
	d.publishers = publish.NewSet(publish.Env{
		Registerer: registry, Logger: logger.With("component", "publish"),
		Secret: s.conf.String("publisher", "telemetry_secret"), Host: s.host,
		Stdout: p.stdout, Interval: s.longestInterval(),
		MaxParallel: s.conf.Int("DEFAULT", "max_parallel_requests"),
		Drain:       s.drain(),
	})
	place, err := newStanding(s.coordination(d.address), d.lasting.coordination, logger)
	if err != nil {
		return nil, nil, usageError{err}
	}
	first, err := newGeneration(s, place, d.publishers, d.lasting, logger)
	if err != nil {
		return nil, nil, usageError{errors.Join(err, place.coordinator.Close())}
	}
	d.current.Store(first)
	d.health.Judge("coordination", d.unready)
	if err := registry.Register(newBusCollector(d)); err != nil {
		return nil, nil, fmt.Errorf("registering the metrics of the bus: %w", err)
	}
	web, err := telemetry.New(telemetry.Options{
		Listen: slices.DeleteFunc(slices.Clone(c.Listen), func(a string) bool { return a == "" }), WebConfigFile: c.WebConfig,
		Gatherer: registry, Registerer: registry,
		Health: d.health, Page: d.page, Documents: map[string]func() any{ringDocument: func() any { return d.ring() }}, Logger: logger.With("component", "web"),
	})
	if err != nil {
		return nil, nil, usageError{err}
	}
	return d, web, nil
}

// announce says what runs and where to look.
func (c runCommand) announce(d *daemon, web *telemetry.Server) {
	s := d.current.Load().settings
	d.logger.Info("polling", "sources", len(s.sources), "meters", len(s.selectedMeters()),
		"namespaces", joined(s.namespaces), "polling", s.pollingFile, "pipeline", s.pipelineFile,
		"config", s.describeFiles())
	if len(s.selectedMeters()) == 0 {
		d.logger.Warn("no meter is selected, so nothing is polled; \"poller meters\" lists what there is")
	}
	url := webURL(web, s.host, c.WebConfig)
	d.logger.Info("status page and metrics", "status", url+"/", "metrics", url+"/metrics")
}

// webURL is where a person on this host or elsewhere finds the web port.
func webURL(web *telemetry.Server, host, configFile string) string {
	if len(web.Addrs()) == 0 {
		return "(no web port)"
	}
	address := web.Addrs()[0].String()
	if ip, port, err := net.SplitHostPort(address); err == nil && net.ParseIP(ip).IsUnspecified() {
		address = net.JoinHostPort(host, port)
	}
	if servesTLS(configFile) {
		return "https://" + address
	}
	return "http://" + address
}

// servesTLS reports whether a web configuration file asks for TLS.
func servesTLS(configFile string) bool {
	text, err := os.ReadFile(configFile)
	return err == nil && bytes.Contains(text, []byte("tls_server_config:"))
}

// obey does what signals ask for, until ctx ends. A second request to stop ends the
// process at once.
func (d *daemon) obey(ctx context.Context, stop context.CancelFunc) {
	for stopping := false; ; {
		var sig os.Signal
		select {
		case <-ctx.Done():
			return
		case sig = <-d.process.signals:
		}
		switch {
		case sig == syscall.SIGHUP:
			select {
			case d.reloads <- struct{}{}:
			default:
			}
		case stopping:
			d.logger.Error("asked to stop again: ending at once, whatever is left", "signal", sig.String())
			d.process.abort()
		default:
			stopping = true
			d.logger.Info("stopping: no more polls, sending on what has been sampled", "signal", sig.String())
			d.health.Set("metering", errors.New("stopping"))
			d.tell(d.notifier.Stopping)
			stop()
		}
	}
}

// meter runs one generation after the other until ctx ends.
func (d *daemon) meter(ctx context.Context) error {
	d.health.Set("metering", nil)
	d.tell(d.notifier.Ready)
	for {
		g := d.current.Load()
		next, err := d.runUntilReload(ctx, g)
		if next == nil || err != nil {
			// Nothing is left to do here unless the end came between two generations.
			_ = g.standing.leave(ctx, time.Second)
			if next != nil {
				_ = next.standing.leave(ctx, time.Second)
			}
			return err
		}
		d.current.Store(next)
		d.refused.Store(nil)
		d.publishers.SetInterval(next.settings.longestInterval())
		d.publishers.Retain(next.settings.publisherURLs())
		d.tell(d.notifier.Ready)
		d.logger.Info("configuration reloaded")
	}
}

// runUntilReload runs g; it returns the generation that follows it, or nil at the end.
func (d *daemon) runUntilReload(ctx context.Context, g *generation) (next *generation, err error) {
	own, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- g.Run(own) }()
	for {
		select {
		case err := <-done:
			return nil, err
		case <-d.reloads:
			next, err := d.load()
			if err != nil {
				reason := err.Error()
				d.refused.Store(&reason)
				d.logger.Error("reload refused, the old configuration stays", "err", err)
				continue
			}
			g.stays.Store(next.standing == g.standing)
			cancel()
			return next, <-done
		}
	}
}

// load reads the configuration again and builds what it describes.
func (d *daemon) load() (*generation, error) {
	d.tell(d.notifier.Reloading)
	defer d.tell(d.notifier.Ready)
	if err := d.log.reopen(); err != nil {
		d.logger.Error("keeping the old log file", "err", err)
	}
	s, err := loadSettings(d.line, d.process)
	if err != nil {
		return nil, err
	}
	current := d.current.Load()
	place := current.standing
	if wanted := s.coordination(d.address); wanted != place.coordination {
		if place, err = newStanding(wanted, d.lasting.coordination, d.logger); err != nil {
			return nil, err
		}
	}
	g, err := newGeneration(s, place, d.publishers, d.lasting, d.logger)
	if err != nil { // without what it has opened already
		d.publishers.Retain(current.settings.publisherURLs())
		if place != current.standing {
			err = errors.Join(err, place.coordinator.Close())
		}
	}
	return g, err
}

// watch feeds the service manager's watchdog.
func (d *daemon) watch(ctx context.Context) error {
	return d.notifier.Run(ctx, d.health.Alive, d.logger)
}

// tell informs the service manager, which the daemon can do without.
func (d *daemon) tell(notify func() error) {
	if err := notify(); err != nil {
		d.logger.Warn("service manager not told", "err", err)
	}
}
