package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter"
	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/telemetry"
	"github.com/ringmeter/ringmeter/pipeline"
	"github.com/ringmeter/ringmeter/pipeline/publish"
	"github.com/ringmeter/ringmeter/pollster"
)

// embedded is how messages call the pipeline.yaml inside the binary.
const embedded = "pipeline.yaml (embedded)"

// settings is all configuration of one start or reload, read and checked.
type settings struct {
	tables     tables
	conf       *config.Conf
	files      []string // of conf
	host       string
	namespaces []string

	pollingFile, pipelineFile string
	sources                   []pollster.Source
	pipeline                  *pipeline.Config
	warnings                  []config.Diagnostic
}

// loadSettings reads every file that the poller uses. The error, a usageError, holds all
// faults of all files and their warnings.
func loadSettings(line *commandLine, p process) (*settings, error) {
	files, dirs := line.ConfigFile, line.ConfigDir
	if len(files) == 0 && len(dirs) == 0 {
		files, dirs = config.DefaultFiles("ringmeter")
	}
	s := &settings{tables: p.tables, files: append(slices.Clone(files), dirs...)}
	conf, warnings, err := config.Load(config.LoadOptions{
		Files: files, Dirs: dirs, Environ: p.environ, Overrides: line.options(),
	})
	s.warnings = warnings
	s.conf = conf
	s.identify()
	err = errors.Join(err, s.checkCoordination(), s.readSources(), s.readPipeline())
	if err == nil {
		return s, nil
	}
	faults := []error{err}
	for _, w := range s.warnings { // often the cause of an error
		faults = append(faults, fmt.Errorf("warning: %w", w))
	}
	return nil, usageError{errors.Join(faults...)}
}

// options are the flags that stand for an option of the configuration file.
func (line *commandLine) options() map[string]string {
	options := map[string]string{}
	if len(line.PollingNamespaces) > 0 {
		options["DEFAULT.polling_namespaces"] = strings.Join(line.PollingNamespaces, ",")
	}
	if line.LogFile != "" {
		options["DEFAULT.log_file"] = line.LogFile
	}
	if line.Debug {
		options["DEFAULT.debug"] = "true"
	}
	return options
}

// identify says who this worker is and what it polls.
func (s *settings) identify() {
	s.host = s.conf.String("DEFAULT", "host")
	known := namespacesOf(s.tables.pollsters())
	s.namespaces = s.conf.List("DEFAULT", "polling_namespaces")
	if len(s.namespaces) == 0 {
		s.namespaces = known
	}
	slices.Sort(s.namespaces)
	s.namespaces = slices.Compact(s.namespaces)
	for _, ns := range s.namespaces {
		if !slices.Contains(known, ns) {
			s.warnings = append(s.warnings, config.Diagnostic{
				File:    s.conf.Where("DEFAULT", "polling_namespaces"),
				Problem: fmt.Sprintf("no pollster of this build is in the namespace %q", ns),
				Fix:     "it has " + joined(known),
			})
		}
	}
}

// readSources reads what is polled: polling.yaml where there is one, otherwise the
// sources of the pipeline file.
func (s *settings) readSources() error {
	file, data, err := s.conf.ReadNamed("polling", "cfg_file")
	if err == nil && data == nil {
		file, data, err = s.openPipeline()
	}
	if err != nil {
		return err
	}
	s.pollingFile = file
	sources, warnings, err := pollster.ReadSources(file, data)
	s.sources, s.warnings = sources, append(s.warnings, warnings...)
	return err
}

// readPipeline reads where samples go.
func (s *settings) readPipeline() error {
	file, data, err := s.openPipeline()
	if err != nil {
		return err
	}
	s.pipelineFile = file
	read, warnings, err := pipeline.ReadConfig(file, data)
	s.warnings = append(s.warnings, warnings...)
	if read == nil {
		return err
	}
	s.pipeline = read
	warnings, faults := publish.CheckConfig(read)
	s.warnings = append(s.warnings, warnings...)
	return errors.Join(err, faults)
}

// openPipeline is the pipeline file, the embedded one when there is none.
func (s *settings) openPipeline() (file string, data []byte, err error) {
	file, data, err = s.conf.ReadNamed("DEFAULT", "pipeline_cfg_file")
	if err == nil && data == nil {
		return embedded, ringmeter.DefaultPipeline, nil
	}
	return file, data, err
}

// selectedMeters lists the meters of the namespaces that a source selects.
func (s *settings) selectedMeters() []string {
	var selected []string
	for _, p := range within(s.tables.pollsters(), s.namespaces) {
		for _, src := range s.sources {
			selected = append(selected, src.Selected(p)...)
		}
	}
	slices.Sort(selected)
	return slices.Compact(selected)
}

// longestInterval is the longest interval of all sources.
func (s *settings) longestInterval() time.Duration {
	var longest time.Duration
	for _, src := range s.sources {
		longest = max(longest, src.Interval)
	}
	return longest
}

// drain is how long a stop may take to send on what has been sampled.
func (s *settings) drain() time.Duration {
	return time.Duration(s.conf.Int("ringmeter", "drain_timeout")) * time.Second
}

// publisherURLs lists the publishers of all sinks, each once.
func (s *settings) publisherURLs() []string {
	var urls []string
	for _, sink := range s.pipeline.Sinks {
		for _, ref := range sink.Publishers {
			urls = append(urls, ref.URL)
		}
	}
	slices.Sort(urls)
	return slices.Compact(urls)
}

// describeFiles names the configuration files that were read.
func (s *settings) describeFiles() string {
	if len(s.files) == 0 {
		return "no file, defaults"
	}
	return joined(s.files)
}

// logger is the daemon's log by flags and configuration; --log.level has the last word.
func (line *commandLine) logger(s *settings, w io.Writer, level slog.Level) (*slog.Logger, error) {
	if s.conf.Bool("DEFAULT", "debug") {
		level = slog.LevelDebug
	}
	if line.LogLevel != "" {
		var err error
		if level, err = telemetry.ParseLevel(line.LogLevel); err != nil {
			return nil, usageError{err}
		}
	}
	return telemetry.NewLogger(w, line.LogFormat, level), nil
}

func joined(words []string) string { return strings.Join(words, ", ") }
