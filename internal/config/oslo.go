package config

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// assignment is one "key = value" of an INI file, the value not yet interpolated.
type assignment struct {
	group, name string   // normalised
	lines       []string // of the value; more than one when it is continued
	at          Diagnostic
	valueAt     Diagnostic
}

// iniSection is the head of a section.
type iniSection struct {
	group string
	at    Diagnostic
}

// iniFile is one parsed file.
type iniFile struct {
	sections    []iniSection
	assignments []assignment
	errors      Diagnostics
	warnings    Diagnostics
}

// parseINI reads a file as oslo.config does: sections; "=" or ":", whichever comes
// first; comments only at the start of a line; lines that start with white space
// continue the value before them until a blank line ends it; quotes around the whole of
// the first line's value are dropped. A byte order mark and any line ending are
// accepted. Unlike oslo.config it goes on after a fault to find the next.
func parseINI(file string, data []byte) iniFile {
	p := iniParser{file: file}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	for line := range strings.SplitSeq(text, "\n") {
		p.line++
		if !utf8.ValidString(line) {
			p.fail(1, "this line is not UTF-8 text", "save the file as UTF-8")
			p.key, p.skipped = false, true
			continue
		}
		p.read(strings.TrimRightFunc(line, unicode.IsSpace))
	}
	return p.out
}

type iniParser struct {
	file    string
	line    int
	section string
	started bool // a section was started; its name may have been faulty
	key     bool // the last assignment can be continued
	skipped bool // the last assignment was faulty, so its continuation is too
	out     iniFile
}

func (p *iniParser) read(line string) {
	switch {
	case line == "":
		p.key, p.skipped = false, false
	case line[0] == ' ' || line[0] == '\t':
		p.readContinuation(line)
	default:
		p.key, p.skipped = false, false
		switch line[0] {
		case '[':
			p.readSection(line)
		case '#', ';':
		default:
			p.readAssignment(line)
		}
	}
}

func (p *iniParser) readContinuation(line string) {
	text := strings.TrimLeftFunc(line, unicode.IsSpace)
	column := len(line) - len(text) + 1
	switch {
	case p.key:
		last := &p.out.assignments[len(p.out.assignments)-1]
		last.lines = append(last.lines, text)
		if text[0] == '#' || text[0] == ';' {
			p.warn(column, fmt.Sprintf("this indented line is no comment but a part of the value of %s", last.name),
				"start a comment in the first column")
		}
	case p.skipped:
	default:
		p.fail(column, "this indented line continues no value", "remove the white space at its start")
	}
}

func (p *iniParser) readSection(line string) {
	p.started = true
	name, ok := strings.CutSuffix(line[1:], "]")
	switch {
	case !ok:
		p.fail(1, `a section name must end with "]"`, "put nothing after it, a comment neither")
		p.section = ""
	case name == "":
		p.fail(1, "this section has no name", "write [DEFAULT], for example")
		p.section = ""
	default:
		p.section = normalGroup(name)
		p.out.sections = append(p.out.sections, iniSection{p.section, p.at(1)})
	}
}

func (p *iniParser) readAssignment(line string) {
	p.skipped = true
	i := strings.IndexAny(line, "=:")
	if i < 0 { // the line is not quoted: a part of it may be secret
		p.fail(1, `this line has neither "=" nor ":"`, "write name = value, or # before a comment")
		return
	}
	name := strings.TrimSpace(line[:i])
	if name == "" {
		p.fail(1, fmt.Sprintf("there is no name before %q", line[i:i+1]), "write name = value")
		return
	}
	if !p.started {
		p.fail(1, "this value stands before the first section", "write [DEFAULT] on a line above it")
		return
	}
	if p.section == "" {
		return // the fault of its section is known
	}
	value := strings.TrimSpace(line[i+1:])
	column := utf8.RuneCountInString(line) - utf8.RuneCountInString(value) + 1
	p.out.assignments = append(p.out.assignments, assignment{
		group: p.section, name: normalName(name), lines: []string{unquote(value)}, at: p.at(1), valueAt: p.at(column),
	})
	p.key, p.skipped = true, false
}

func (p *iniParser) at(column int) Diagnostic {
	return Diagnostic{File: p.file, Line: p.line, Column: column}
}

func (p *iniParser) fail(column int, problem, fix string) {
	p.out.errors = append(p.out.errors, p.at(column).with(problem, fix))
}

func (p *iniParser) warn(column int, problem, fix string) {
	p.out.warnings = append(p.out.warnings, p.at(column).with(problem, fix))
}

func (d Diagnostic) with(problem, fix string) Diagnostic {
	d.Problem, d.Fix = problem, fix
	return d
}

// unquote drops the quotes around a whole value; as in oslo.config a single quote
// character is one that opens and closes.
func unquote(s string) string {
	if s == "" || s[0] != '"' && s[0] != '\'' || s[len(s)-1] != s[0] {
		return s
	}
	return s[1:max(1, len(s)-1)]
}

// normalGroup folds the case of a section name; only DEFAULT is written one way.
func normalGroup(s string) string {
	if s == defaultGroup {
		return s
	}
	return strings.ToLower(s)
}

// normalName makes the two spellings of an option's name one.
func normalName(s string) string { return strings.ReplaceAll(s, "-", "_") }
