package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// mostNodes bounds how many values of one file are looked at: aliases can make a small
// file stand for an endless one.
const mostNodes = 200_000

// Document is one YAML file and everything that was found wrong in it. Its values report
// their own faults, so that a reader is a straight line of questions: it asks for what
// it needs, gets a zero value for what is wrong, and looks at Err at the end.
type Document struct {
	file     string
	root     *yaml.Node
	errors   Diagnostics
	warnings Diagnostics
	nodes    int // how many were looked at
}

// ParseYAML parses a file of one document. What is no YAML, or more than one document,
// is an error with the line and what to write instead.
func ParseYAML(file string, data []byte) (doc *Document, err error) {
	// The parser is a translation of a C library and has panicked on odd input before.
	defer func() {
		if r := recover(); r != nil {
			doc, err = nil, Diagnostics{{File: file, Problem: fmt.Sprintf("this is not YAML: %v", r), Fix: "write a map of keys and values"}}
		}
	}()
	doc = &Document{file: file, root: &yaml.Node{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	switch err := decoder.Decode(doc.root); {
	case errors.Is(err, io.EOF):
		return nil, Diagnostics{{File: file, Problem: "the file is empty", Fix: "write a map of keys and values"}}
	case err != nil:
		return nil, Diagnostics{syntaxFault(file, data, err)}
	}
	var second yaml.Node
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, Diagnostics{{
			File: file, Line: second.Line, Column: second.Column,
			Problem: "a second document starts here", Fix: `put everything into the first and remove the "---"`,
		}}
	case !errors.Is(err, io.EOF):
		return nil, Diagnostics{syntaxFault(file, data, err)}
	}
	return doc, nil
}

// Root is the value that the whole file is, called "the file" in messages.
func (d *Document) Root() Node {
	n := d.root
	if n.Kind == yaml.DocumentNode && len(n.Content) > 0 {
		n = n.Content[0]
	}
	return Node{doc: d, node: n, name: "the file"}
}

// Err is everything that is wrong, as [Diagnostics], or nil.
func (d *Document) Err() error { return d.errors.Err() }

// Warnings is what is odd but does no harm.
func (d *Document) Warnings() []Diagnostic { return d.warnings.Sorted() }

var (
	yamlLine    = regexp.MustCompile(`^yaml: line (\d+): `)
	yamlAnchor  = regexp.MustCompile(`^unknown anchor '([^']*)' referenced`)
	bareGlob    = regexp.MustCompile(`^[^"'#]*?(?:[\[,]|[-:]\s)\s*\*`)
	tabbedStart = regexp.MustCompile(`^ *\t`)
)

// syntaxFault says in words of the file what the parser says in words of the grammar.
func syntaxFault(file string, data []byte, err error) Diagnostic {
	lines := strings.Split(string(data), "\n")
	d := Diagnostic{File: file, Line: 1} // the parser does not name the first line
	problem := err.Error()
	if m := yamlLine.FindStringSubmatch(problem); m != nil {
		problem = problem[len(m[0]):]
		d.Line, _ = strconv.Atoi(m[1])
	}
	problem = strings.TrimPrefix(problem, "yaml: ")
	anchor := yamlAnchor.FindStringSubmatch(problem)
	// The parser's line may be that before the fault, or that of the block's start.
	for i, line := range lines {
		n := i + 1
		switch {
		case strings.IndexFunc(line, unprintable) >= 0:
			d.Line, d.Column = n, utf8.RuneCountInString(line[:strings.IndexFunc(line, unprintable)])+1
			return d.with("there is a character that is not text", "remove it, and save the file as UTF-8")
		case tabbedStart.MatchString(line) && strings.TrimSpace(line) != "":
			d.Line, d.Column = n, strings.IndexByte(line, '\t')+1
			return d.with(fmt.Sprintf("line %d has a tab used for indentation", n), "use spaces")
		case anchor != nil && strings.Contains(line, "*"+anchor[1]):
			d.Line, d.Column = n, strings.Index(line, "*"+anchor[1])+1
			return d.with(fmt.Sprintf("*%s refers to an anchor that does not exist", anchor[1]),
				fmt.Sprintf(`write "*%s" in quotes if it is a pattern`, anchor[1]))
		case anchor == nil && strings.Contains(problem, "alphabetic or numeric") && bareGlob.MatchString(line):
			d.Line, d.Column = n, strings.IndexByte(line, '*')+1
			return d.with("a pattern that starts with * is not in quotes", `write "*" with the quotes`)
		}
	}
	return d.with("this is not YAML: "+problem, "look at indentation, quotes and colons on this line and the one before")
}

// unprintable characters are not allowed in YAML.
func unprintable(r rune) bool {
	return r < ' ' && r != '\t' && r != '\r' || r == 0x7f || r == utf8.RuneError
}
