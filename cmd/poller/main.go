// Command poller meters what exists: it lists resources, samples them on intervals and
// sends the samples through the pipeline. Without a file or a flag it meters the machine
// it runs on and shows the result on its own web port.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/prometheus/common/version"

	"github.com/ringmeter/ringmeter/internal/telemetry"
)

// Exit codes, as scripts and service managers see them.
const (
	exitOK     = 0
	exitFailed = 1 // something went wrong while running
	exitUsage  = 2 // the command line or the configuration is wrong
)

// commandLine is what can be written behind "poller".
type commandLine struct {
	ConfigFile        []string `name:"config-file" sep:"none" placeholder:"FILE" help:"Configuration file in Ceilometer's format; may be repeated. Default: ceilometer.conf where oslo.config looks for it, if it is there."`
	ConfigDir         []string `name:"config-dir" sep:"none" placeholder:"DIR" help:"Directory of *.conf files, read after the files."`
	PollingNamespaces []string `name:"polling-namespaces" placeholder:"NS" help:"Namespaces to poll; may be repeated, separated by commas, or listed with spaces as for ceilometer-polling."`
	Debug             bool     `help:"Log debug messages too."`
	LogFile           string   `name:"log-file" placeholder:"FILE" help:"Log to this file instead of standard error."`
	LogLevel          string   `name:"log.level" placeholder:"LEVEL" help:"debug, info, warn or error. Default: info."`
	LogFormat         string   `name:"log.format" enum:"text,json" default:"text" help:"text or json."`

	Run     runCommand     `cmd:"" default:"withargs" help:"Poll and publish until told to stop (the default)."`
	Once    onceCommand    `cmd:"" help:"Poll everything once, print the samples and publish nothing."`
	Meters  metersCommand  `cmd:"" help:"List what this build can meter."`
	Check   checkCommand   `cmd:"" help:"Check all configuration and print every error."`
	Ring    ringCommand    `cmd:"" help:"Show how several workers divide the work, and what would move."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// process is the world around one invocation, so that tests can put theirs in its place.
type process struct {
	environ        []string
	stdout, stderr io.Writer
	signals        <-chan os.Signal // SIGTERM and SIGINT stop, SIGHUP reloads
	abort          func()           // ends the process at once
	tables         tables
}

// usageError marks an error whose cause is what the operator wrote.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], thisProcess()))
}

// thisProcess is the real world.
func thisProcess() process {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return process{
		environ: os.Environ(), stdout: os.Stdout, stderr: os.Stderr, signals: signals,
		abort:  func() { os.Exit(exitFailed) },
		tables: builtIn(),
	}
}

// execute runs one command line and returns its exit code.
func execute(ctx context.Context, args []string, p process) int {
	var line commandLine
	exited := -1
	parser, err := kong.New(&line,
		kong.Name("poller"),
		kong.Description("Meters resources on intervals and sends every sample through a pipeline."),
		kong.UsageOnError(),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(p.stderr, "poller:", err)
		return exitFailed
	}
	chosen, err := parser.Parse(spreadNamespaces(args))
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(p.stderr, "poller: %v\nRun \"poller --help\" for what can be written here.\n", err)
		return exitUsage
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	err = chosen.Run(&line, p)
	var usage usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintln(p.stderr, err)
		return exitUsage
	default:
		fmt.Fprintln(p.stderr, "poller:", err)
		return exitFailed
	}
}

// spreadNamespaces rewrites "--polling-namespaces a b", which ceilometer-polling takes,
// as one flag per namespace.
func spreadNamespaces(args []string) []string {
	const flag = "--polling-namespaces"
	commands := []string{"run", "once", "meters", "check", "ring", "version"}
	var out []string
	for i := 0; i < len(args); i++ {
		out = append(out, args[i])
		if args[i] != flag {
			continue
		}
		for n := 0; i+1 < len(args); n++ {
			next := args[i+1]
			if strings.HasPrefix(next, "-") || n > 0 && slices.Contains(commands, next) {
				break
			}
			if n > 0 {
				out = append(out, flag)
			}
			out = append(out, next)
			i++
		}
	}
	return out
}

type versionCommand struct{}

// Run prints the version on one line.
func (versionCommand) Run(p process) error {
	_, err := fmt.Fprintf(p.stdout, "poller %s (%s, %s/%s)\n", telemetry.Version(), version.GoVersion, version.GoOS, version.GoArch)
	return err
}
