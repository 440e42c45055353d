package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// project names the files and folders that are looked for: those of Ceilometer.
const project = "ceilometer"

// SearchPath is where configuration lies when nobody says where: in ~/.ceilometer, ~,
// /etc/ceilometer and /etc, in this order. The zero value means the user's home
// directory and /etc.
type SearchPath struct{ Home, Etc string }

// DefaultFiles is SearchPath{}.DefaultFiles: what to load when the command line names no
// configuration.
func DefaultFiles(prog string) (files, dirs []string) { return SearchPath{}.DefaultFiles(prog) }

// DefaultFiles finds ceilometer.conf and <prog>.conf, and the folders ceilometer.conf.d
// and <prog>.conf.d: of each name the first that exists. Later ones override earlier
// ones, and dirs override files.
func (p SearchPath) DefaultFiles(prog string) (files, dirs []string) {
	for _, name := range slices.Compact([]string{project, prog}) {
		if name == "" {
			continue
		}
		if path, ok := firstOf(p.dirs(), name+".conf"); ok {
			files = append(files, path)
		}
		if path, ok := firstOf(p.dirs(), name+".conf.d"); ok {
			dirs = append(dirs, path)
		}
	}
	return files, dirs
}

func (p SearchPath) dirs() []string {
	var dirs []string
	if home := p.home(); home != "" {
		dirs = append(dirs, filepath.Join(home, "."+project), home)
	}
	etc := p.Etc
	if etc == "" {
		etc = "/etc"
	}
	return append(dirs, filepath.Join(etc, project), etc)
}

func (p SearchPath) home() string {
	if p.Home != "" {
		return p.Home
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // a daemon without HOME has no files there
	}
	return home
}

// expand resolves a leading "~/" of a path.
func (p SearchPath) expand(path string) string {
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') && p.home() != "" {
		return filepath.Join(p.home(), rest)
	}
	return path
}

// Find locates a file that an option names, such as polling.yaml: as a path if it
// exists, else in the configuration folders, beside the configuration files (the last
// one first) and in the search path.
func (c *Conf) Find(name string) (path string, ok bool) {
	if name == "" {
		return "", false
	}
	name = c.search.expand(name)
	if exists(name) {
		return name, true
	}
	if filepath.IsAbs(name) {
		return "", false
	}
	return firstOf(c.dirs, name)
}

// ReadNamed reads the file that an option names, found as Find does. One that is named by
// default only may be missing: then data is nil and err too.
func (c *Conf) ReadNamed(group, option string) (file string, data []byte, err error) {
	name := c.String(group, option)
	file, found := c.Find(name)
	if !found {
		if name == "" || !c.IsSet(group, option) {
			return name, nil, nil
		}
		return name, nil, Diagnostic{
			File:    c.Where(group, option),
			Problem: fmt.Sprintf("[%s] %s: there is no file %q", group, option, name),
			Fix:     "write the full path of a file that exists",
		}
	}
	data, err = os.ReadFile(file)
	if err != nil {
		return file, nil, fmt.Errorf("reading %s ([%s] %s): %w", file, group, option, errors.Unwrap(err))
	}
	return file, append([]byte{}, data...), nil
}

func firstOf(dirs []string, name string) (string, bool) {
	for _, dir := range dirs {
		if path := filepath.Join(dir, name); exists(path) {
			return path, true
		}
	}
	return "", false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
