package main

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// logFile is where the log goes: standard error, or a file that is opened again on
// SIGHUP, so that logrotate can move it away.
type logFile struct {
	path string // "" for standard error
	mu   sync.Mutex
	out  io.Writer
}

func openLog(path string, stderr io.Writer) (*logFile, error) {
	l := &logFile{path: path, out: stderr}
	if path == "" {
		return l, nil
	}
	return l, l.reopen()
}

// reopen opens the file anew; on failure the old one stays.
func (l *logFile) reopen() error {
	if l.path == "" {
		return nil
	}
	file, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("opening the log file ([DEFAULT] log_file): %w", err)
	}
	l.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.out = file
	return nil
}

// Write writes one record.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// Close closes the file; standard error stays open.
func (l *logFile) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if file, ok := l.out.(*os.File); ok && l.path != "" {
		file.Close()
	}
}
