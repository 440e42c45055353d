package config

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// deepestMerge bounds how far merge keys may lead to each other.
const deepestMerge = 16

// Map is a YAML map, with its merge keys ("<<") resolved.
type Map struct {
	Node
	keys   []Node // in the order of the file
	values map[string]Node
}

// Map is n as a map; of what is none, an empty one that is not ok. A key that comes
// twice is a fault.
func (n Node) Map() (m Map, ok bool) {
	m = Map{Node: n, values: map[string]Node{}}
	node, ok := n.resolve()
	switch {
	case !ok:
		return m, false
	case node.Kind != yaml.MappingNode:
		n.Fail(fmt.Sprintf("%s must be a map, not %s", n.name, describe(node)), "write name: value")
		return m, false
	}
	m.fill(node, 0)
	return m, true
}

// fill adds the pairs of node. Those of merged maps do not replace what is there.
func (m *Map) fill(node *yaml.Node, depth int) {
	own := map[string]int{}
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		keyNode, value := node.Content[i], node.Content[i+1]
		if !m.doc.look(value) {
			return
		}
		key, at, ok := m.key(keyNode)
		switch {
		case !ok:
			continue
		case keyNode.ShortTag() == "!!merge":
			merged = append(merged, value)
			continue
		case own[key] > 0:
			at.Fail(fmt.Sprintf("%s is already given on line %d", key, own[key]), "remove one of them")
			continue
		}
		own[key] = keyNode.Line
		if _, ok := m.values[key]; !ok {
			m.keys = append(m.keys, at)
			m.values[key] = Node{doc: m.doc, node: value, name: key}
		}
	}
	for _, value := range merged {
		m.merge(value, depth+1)
	}
}

// key reads a key; at is its place, named by it.
func (m *Map) key(node *yaml.Node) (key string, at Node, ok bool) {
	at = Node{doc: m.doc, node: node, name: "a key of " + m.name}
	resolved, ok := at.resolve()
	if ok && resolved.Kind != yaml.ScalarNode {
		at.Fail(fmt.Sprintf("%s must be a text, not %s", at.name, describe(resolved)), "write name: value")
		ok = false
	}
	if !ok {
		return "", at, false
	}
	return resolved.Value, at.Named(resolved.Value), true
}

// merge adds what a merge key names: a map or a list of maps.
func (m *Map) merge(value *yaml.Node, depth int) {
	at := Node{doc: m.doc, node: value, name: "the merge key"}
	node, ok := at.resolve()
	switch {
	case !ok:
	case depth > deepestMerge:
		at.Fail("merge keys lead to each other without end", "write the values out")
	case node.Kind == yaml.MappingNode:
		m.fill(node, depth)
	case node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if !m.doc.look(item) {
				return
			}
			m.merge(item, depth+1)
		}
	default:
		at.Fail(fmt.Sprintf("the merge key must name a map, not %s", describe(node)), "write <<: *anchor")
	}
}

// Get is the value of a key; of an absent one a Node that is not Given and answers every
// question with a zero value.
func (m Map) Get(key string) Node {
	if n, ok := m.values[key]; ok {
		return n
	}
	return Node{doc: m.doc, node: m.node, name: key, absent: true}
}

// Require is Get, and reports an absent or empty value with the fix.
func (m Map) Require(key, fix string) (n Node, ok bool) {
	n = m.Get(key)
	if !n.Given() {
		m.Fail(fmt.Sprintf("%s has no %s", m.name, key), fix)
	}
	return n, n.Given()
}

// Has reports whether a key is there, be it without a value.
func (m Map) Has(key string) bool {
	_, ok := m.values[key]
	return ok
}

// Known warns of all keys but those, with the nearest of them.
func (m Map) Known(keys ...string) {
	for _, key := range m.keys {
		if slices.Contains(keys, key.name) {
			continue
		}
		key.Warn(fmt.Sprintf("%s has a key %s that nothing reads", m.name, short(key.name)),
			didYouMean(key.name, slices.Values(keys), "remove it"))
	}
}
