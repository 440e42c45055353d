package main

import (
	"errors"
	"fmt"
)

type checkCommand struct{}

// Run validates every file that run would read and prints all errors and warnings.
func (checkCommand) Run(line *commandLine, p process) error {
	s, err := loadSettings(line, p)
	if err != nil {
		return err
	}
	for _, w := range s.warnings {
		fmt.Fprintln(p.stderr, "warning:", w)
	}
	fmt.Fprintf(p.stdout, "configuration: %s\n", s.describeFiles())
	verb := "select"
	if len(s.sources) == 1 {
		verb = "selects"
	}
	fmt.Fprintf(p.stdout, "polling:       %s: %s %s %d of %d meters of the namespaces %s\n", s.pollingFile,
		counted(len(s.sources), "source"), verb, len(s.selectedMeters()), len(meterRows(s.tables.pollsters(), s.namespaces)), joined(s.namespaces))
	fmt.Fprintf(p.stdout, "pipeline:      %s: %s, %s, %s\n", s.pipelineFile,
		counted(len(s.pipeline.Sources), "source"), counted(len(s.pipeline.Sinks), "sink"),
		counted(len(s.publisherURLs()), "publisher"))
	fmt.Fprintf(p.stdout, "coordination:  %s\n", s.describeCoordination())
	if len(s.selectedMeters()) == 0 {
		return usageError{errors.New("no meter is selected, so nothing would be polled; \"poller meters\" lists what there is")}
	}
	fmt.Fprintln(p.stdout, "ok")
	return nil
}

// counted is "1 sink" or "2 sinks".
func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
