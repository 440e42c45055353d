package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Node is one value of a YAML document, with its place and a name for messages.
type Node struct {
	doc    *Document
	node   *yaml.Node // of an absent value: that of the map it is absent from
	name   string
	absent bool
}

// Named is n under another name in messages, such as `source "cpu"`.
func (n Node) Named(name string) Node {
	n.name = name
	return n
}

// Name is what messages call n.
func (n Node) Name() string { return n.name }

// Given reports whether there is a value other than null.
func (n Node) Given() bool {
	return !n.absent && n.node.Kind != 0 && n.node.ShortTag() != "!!null"
}

// IsList reports whether n is a list, without complaint if it is not.
func (n Node) IsList() bool {
	if n.absent {
		return false
	}
	node := n.node
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node.Kind == yaml.SequenceNode
}

// At is the place of n, without a problem.
func (n Node) At() Diagnostic {
	return Diagnostic{File: n.doc.file, Line: n.node.Line, Column: n.node.Column}
}

// Fail reports a fault of n.
func (n Node) Fail(problem, fix string) {
	n.doc.errors = append(n.doc.errors, n.At().with(problem, fix))
}

// Warn reports what is odd about n.
func (n Node) Warn(problem, fix string) {
	n.doc.warnings = append(n.doc.warnings, n.At().with(problem, fix))
}

// List is the items of a list, each named after its place in it, counting from 1.
func (n Node) List() []Node {
	node, ok := n.resolve()
	if !ok {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		n.Fail(fmt.Sprintf("%s must be a list, not %s", n.name, describe(node)), `write each item on a line of its own after "- "`)
		return nil
	}
	items := make([]Node, 0, len(node.Content))
	for i, item := range node.Content {
		if !n.doc.look(item) {
			return nil
		}
		items = append(items, Node{doc: n.doc, node: item, name: fmt.Sprintf("item %d of %s", i+1, n.name)})
	}
	return items
}

// Texts is the items of a list of texts; ok is false when one of them is none.
func (n Node) Texts() (texts []string, ok bool) {
	before := len(n.doc.errors)
	for _, item := range n.List() {
		if text, ok := item.Text(); ok {
			texts = append(texts, text)
		}
	}
	return texts, len(n.doc.errors) == before
}

// Text is a text that is not empty. A number or boolean is the text that it was written as.
func (n Node) Text() (text string, ok bool) {
	node, ok := n.resolve()
	switch {
	case !ok:
		return "", false
	case node.Kind != yaml.ScalarNode:
		n.Fail(fmt.Sprintf("%s must be a text, not %s", n.name, describe(node)), "put the text into quotes")
		return "", false
	case node.ShortTag() == "!!null" || node.Value == "":
		n.Fail(n.name+" is empty", "write a text or remove it")
		return "", false
	}
	return node.Value, true
}

// Whole is a whole number from lowest to highest, also one that is written as a text;
// unit completes "a whole number of" in messages.
func (n Node) Whole(unit string, lowest, highest int64) (number int64, ok bool) {
	node, ok := n.resolve()
	if !ok {
		return 0, false
	}
	number, ok = whole(node)
	switch {
	case !ok:
		n.Fail(fmt.Sprintf("%s must be a whole number of %s, not %s", n.name, unit, describe(node)),
			fmt.Sprintf("write %s: %d, for example", n.name, min(max(lowest, 600), highest)))
	case number < lowest:
		n.Fail(fmt.Sprintf("%s must be at least %d, not %d", n.name, lowest, number), fmt.Sprintf("write %d or more", lowest))
	case number > highest:
		n.Fail(fmt.Sprintf("%s must be at most %d, not %d", n.name, highest, number), fmt.Sprintf("write %d or less", highest))
	default:
		return number, true
	}
	return 0, false
}

func whole(node *yaml.Node) (int64, bool) {
	if node.Kind != yaml.ScalarNode {
		return 0, false
	}
	switch node.ShortTag() {
	case "!!int":
		var i int64
		err := node.Decode(&i)
		return i, err == nil
	case "!!float": // 600.0 is whole
		var f float64
		if err := node.Decode(&f); err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<53 {
			return 0, false
		}
		return int64(f), true
	case "!!str":
		i, err := strconv.ParseInt(strings.TrimSpace(node.Value), 10, 64)
		return i, err == nil
	}
	return 0, false
}

// resolve is the YAML behind n, an alias followed. It is not ok for what is absent or of
// a type that no file of ours has; only the latter is a fault.
func (n Node) resolve() (*yaml.Node, bool) {
	if n.absent {
		return nil, false
	}
	node := n.node
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch tag := node.ShortTag(); tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!timestamp", "!!merge":
		return node, true
	default:
		if strings.HasPrefix(tag, "!!") {
			n.Fail(fmt.Sprintf("%s has a type that is not known here, %s", n.name, tag), "remove the "+tag)
		} else {
			n.Fail(fmt.Sprintf("%s starts with a ! that is not in quotes", n.name), fmt.Sprintf("write %q with the quotes", tag))
		}
		return nil, false
	}
}

// look counts a value and reports once when there are too many.
func (d *Document) look(node *yaml.Node) bool {
	d.nodes++
	if d.nodes == mostNodes {
		Node{doc: d, node: node}.Fail(fmt.Sprintf("aliases make this file larger than %d values", mostNodes), "write fewer aliases")
	}
	return d.nodes < mostNodes
}

// describe names a value in a message.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a map"
	default:
		if node.ShortTag() == "!!null" {
			return "empty"
		}
		return strconv.Quote(short(node.Value))
	}
}
