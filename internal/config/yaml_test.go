package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/config/configtest"
	"github.com/rogpeppe/go-internal/txtar"
)

// A case has file.yaml, which is read by a schema that uses every kind of value.
func TestYAML(t *testing.T) {
	configtest.Run(t, "testdata/yaml/*.txtar", func(t *testing.T, ar *txtar.Archive) map[string]string {
		text := strings.ReplaceAll(configtest.Section(ar, "file.yaml"), `\t`, "\t")
		doc, err := config.ParseYAML("file.yaml", []byte(text))
		if err != nil {
			return map[string]string{"errors": configtest.Faults(t, err)}
		}
		var b strings.Builder
		walk(&b, doc.Root(), "")
		got := map[string]string{"warnings": configtest.Listed(doc.Warnings()), "errors": configtest.Faults(t, doc.Err())}
		if got["errors"] == "" {
			got["values"] = b.String()
		}
		return got
	})
}

// walk reads maps of text, whole, texts, map and maps.
func walk(b *strings.Builder, n config.Node, indent string) {
	m, ok := n.Map()
	if !ok {
		return
	}
	m.Known("text", "whole", "texts", "map", "maps", "need")
	if text, ok := m.Get("text").Text(); ok {
		fmt.Fprintf(b, "%stext %q\n", indent, text)
	}
	if whole, ok := m.Get("whole").Whole("apples", 1, 1000); ok {
		fmt.Fprintf(b, "%swhole %d\n", indent, whole)
	}
	if n := m.Get("texts"); n.Given() {
		texts, _ := n.Texts()
		fmt.Fprintf(b, "%stexts %q\n", indent, texts)
	}
	if m.Has("need") {
		m.Require("need", "add need")
	}
	if len(indent) > 8 {
		return
	}
	if n := m.Get("map"); n.Given() {
		fmt.Fprintf(b, "%smap\n", indent)
		walk(b, n, indent+" ")
	}
	if n := m.Get("maps"); n.Given() {
		for _, item := range n.List() {
			fmt.Fprintf(b, "%s%s\n", indent, item.Name())
			walk(b, item, indent+" ")
		}
	}
}

// Few bytes that stand for many values are refused soon.
func TestYAMLAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("map: &a0 {maps: [{text: x}]}\nmaps:\n")
	for i := range 7 {
		fmt.Fprintf(&b, " - &a%d {maps: [%s]}\n", i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9)+fmt.Sprintf("*a%d", i))
	}
	doc, err := config.ParseYAML("bomb.yaml", []byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	walk(&strings.Builder{}, doc.Root(), "")
	if err := doc.Err(); err == nil || !strings.Contains(err.Error(), "aliases make this file larger than 200000 values") {
		t.Errorf("error %v", err)
	}
}

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"text: a\nwhole: 5\ntexts: [a, b]\nmap: {text: c}\nmaps:\n - text: d\n - {<<: {whole: 3}}\n",
		"a: &a [*a]\n", "map: &m {<<: *m}\n", "maps: &m [{maps: *m}]\n", "texts: [*]\n", "text: !x y\n", "map:\n\ttext: a\n", "a: 1\n---\nb: 2\n",
		"", "- a\n", "? {a: b}\n: c\n", "text: !!binary aGk=\n", "whole: 1.5e3\n", "whole: 0x10\n", "\xff\xfea\x00", "%YAML 1.1\n---\na: b\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := config.ParseYAML("f", data)
		if err == nil {
			walk(&strings.Builder{}, doc.Root(), "")
			err = doc.Err()
			for _, w := range doc.Warnings() {
				checkPlace(t, w, data)
			}
		}
		if err == nil {
			return
		}
		for line := range strings.SplitSeq(configtest.Faults(t, err), "\n") {
			if line != "" && !strings.Contains(line, "; ") {
				t.Fatalf("no fix in %q", line)
			}
		}
	})
}

func checkPlace(t *testing.T, d config.Diagnostic, data []byte) {
	t.Helper()
	if d.Line < 1 || d.Line > len(data)+1 {
		t.Fatalf("no such line: %v", d)
	}
}
