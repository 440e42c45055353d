package host

import "strings"

// mountTree answers whether a path still leads to a mount.
type mountTree struct {
	byID     map[int]mount
	children map[int][]mount
}

func newMountTree(all []mount) mountTree {
	t := mountTree{byID: make(map[int]mount, len(all)), children: make(map[int][]mount)}
	for _, m := range all {
		t.byID[m.id] = m
		t.children[m.parent] = append(t.children[m.parent], m)
	}
	return t
}

// reachable reports whether m's path leads to m: neither m nor a mount that it lies on is
// hidden by another one, and no automounter is passed on the way.
func (t mountTree) reachable(m mount) bool {
	from := m.id            // what we climb from: it may itself be what covers its parent
	for range len(t.byID) { // as deep as a tree can be; a loop would be deeper
		if t.hidden(m, from) || m.fstype == "autofs" {
			return false
		}
		parent, ok := t.byID[m.parent]
		if !ok || parent.id == m.id {
			return true
		}
		from, m = m.id, parent
	}
	return false
}

// hidden reports whether a mount other than from covers m's path: it lies on m's own root,
// or beside m on a directory above it.
func (t mountTree) hidden(m mount, from int) bool {
	for _, c := range t.children[m.id] {
		if c.id != m.id && c.id != from && c.path == m.path {
			return true
		}
	}
	for _, s := range t.children[m.parent] {
		if s.id != m.id && s.id != m.parent && len(s.path) < len(m.path) &&
			strings.HasPrefix(m.path, strings.TrimSuffix(s.path, "/")+"/") {
			return true
		}
	}
	return false
}
