// Command notification is for the workers that take samples off a shared bus and run them
// through the pipeline. In this version the bus lies inside the poller, which runs the
// pipeline itself, so there is no worker to run: what there is checks its configuration.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	"github.com/prometheus/common/version"

	"github.com/ringmeter/ringmeter"
	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
)

// Exit codes, the same as the poller's.
const (
	exitOK    = 0
	exitUsage = 2 // the command line or the configuration is wrong
)

// commandLine is what can be written behind "notification".
type commandLine struct {
	ConfigFile []string `name:"config-file" placeholder:"FILE" help:"Configuration file in Ceilometer's format; may be repeated. Default: ceilometer.conf where oslo.config looks for it, if it is there."`
	ConfigDir  []string `name:"config-dir" placeholder:"DIR" help:"Directory of *.conf files, read after the files."`

	Check   checkCommand   `cmd:"" help:"Check the pipeline and its publishers, and print every error."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() { os.Exit(execute(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }

// execute runs one command line and returns its exit code.
func execute(args, environ []string, stdout, stderr io.Writer) int {
	var line commandLine
	exited := -1
	parser, err := kong.New(&line, kong.Name("notification"),
		kong.Description("Checks the pipeline that samples run through. In this version the poller runs it."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(stderr, "notification:", err)
		return exitUsage
	}
	chosen, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "notification: %v\nRun \"notification --help\" for what can be written here.\n", err)
		return exitUsage
	}
	if err := chosen.Run(&line, output{environ, stdout, stderr}); err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	return exitOK
}

// output is the world around one invocation.
type output struct {
	environ        []string
	stdout, stderr io.Writer
}

type versionCommand struct{}

// Run prints the version on one line.
func (versionCommand) Run(o output) error {
	_, err := fmt.Fprintf(o.stdout, "notification %s (%s, %s/%s)\n", telemetry.Version(), version.GoVersion, version.GoOS, version.GoArch)
	return err
}

type checkCommand struct{}

// Run reads the configuration and the pipeline and prints all faults of both.
func (checkCommand) Run(line *commandLine, o output) error {
	files, dirs := line.ConfigFile, line.ConfigDir
	if len(files) == 0 && len(dirs) == 0 {
		files, dirs = config.DefaultFiles("ringmeter")
	}
	conf, warnings, faults := config.Load(config.LoadOptions{Files: files, Dirs: dirs, Environ: o.environ})
	file, data, err := conf.ReadNamed("DEFAULT", "pipeline_cfg_file")
	if err == nil && data == nil {
		file, data = "pipeline.yaml (embedded)", ringmeter.DefaultPipeline
	}
	var read *pipeline.Config
	if faults = errors.Join(faults, err); err == nil {
		var more []config.Diagnostic
		read, more, err = pipeline.ReadConfig(file, data)
		warnings, faults = append(warnings, more...), errors.Join(faults, err)
	}
	if read != nil {
		more, err := publish.CheckConfig(read)
		warnings, faults = append(warnings, more...), errors.Join(faults, err)
	}
	for _, w := range warnings {
		fmt.Fprintln(o.stderr, "warning:", w)
	}
	if faults != nil {
		return faults
	}
	_, err = fmt.Fprintf(o.stdout, "pipeline: %s\nok\n", file)
	return err
}
