package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ringmeter/ringmeter/internal/config"
	"github.com/ringmeter/ringmeter/internal/config/configtest"
	"github.com/rogpeppe/go-internal/txtar"
	"pgregory.net/rapid"
)

// A case has *.conf files (given in this order), conf.d/* (a folder given), env and
// flags (one assignment a line) and get (one "group name" a line).
func TestLoad(t *testing.T) {
	kinds := map[string]config.Kind{}
	for _, o := range config.Options() {
		kinds[o.Group+" "+o.Name] = o.Kind
	}
	configtest.Run(t, "testdata/load/*.txtar", func(t *testing.T, ar *txtar.Archive) map[string]string {
		dir := t.TempDir()
		t.Chdir(dir)
		o := config.LoadOptions{
			Environ: lines(configtest.Section(ar, "env")), Overrides: map[string]string{}, Search: config.SearchPath{Home: dir, Etc: dir},
		}
		for _, f := range ar.Files {
			switch folder := filepath.Dir(f.Name); {
			case folder != ".":
				if err := os.MkdirAll(folder, 0o755); err != nil {
					t.Fatal(err)
				}
				o.Dirs = []string{folder}
			case strings.HasSuffix(f.Name, ".conf"):
				o.Files = append(o.Files, f.Name)
			default:
				continue
			}
			if err := os.WriteFile(f.Name, f.Data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range lines(configtest.Section(ar, "flags")) {
			key, value, _ := strings.Cut(line, "=")
			o.Overrides[key] = strings.ReplaceAll(value, `\n`, "\n")
		}
		conf, warnings, err := config.Load(o)
		got := map[string]string{"warnings": configtest.Listed(warnings), "errors": configtest.Faults(t, err)}
		if err != nil {
			return got
		}
		for _, name := range lines(configtest.Section(ar, "get")) {
			kind, ok := kinds[name]
			if !ok {
				t.Fatalf("get of %q, which is no option", name)
			}
			got["values"] += show(conf, kind, name) + "\n"
		}
		if configtest.Section(ar, "redacted") != "" {
			got["redacted"] = conf.Redacted()
		}
		return got
	})
}

func show(conf *config.Conf, kind config.Kind, option string) string {
	group, name, _ := strings.Cut(option, " ")
	var value any
	switch kind {
	case config.Int:
		value = conf.Int(group, name)
	case config.Float:
		value = conf.Float(group, name)
	case config.Bool:
		value = conf.Bool(group, name)
	case config.List:
		value = conf.List(group, name)
	case config.Multi:
		value = conf.Multi(group, name)
	default:
		value = conf.String(group, name)
	}
	set := ""
	if conf.IsSet(group, name) {
		set = ", set"
	}
	return fmt.Sprintf("%s = %#v (%s%s)", option, value, conf.Where(group, name), set)
}

func TestLoadTextForms(t *testing.T) {
	for name, text := range map[string]string{
		"byte order mark": "\ufeff[DEFAULT]\nhost = n1\n",
		"CRLF":            "[DEFAULT]\r\nhost = n1\r\n",
		"CR":              "[DEFAULT]\rhost = n1\r",
		"no last newline": "[DEFAULT]\nhost = n1",
		"trailing space":  "[DEFAULT]  \nhost = n1 \t\n",
		"colon":           "[DEFAULT]\nhost: n1\n",
		"quotes":          "[DEFAULT]\nhost = \"n1\"\n",
	} {
		t.Run(name, func(t *testing.T) {
			conf, warnings, err := loadText(t, text)
			if err != nil || len(warnings) > 0 {
				t.Fatalf("error %v, warnings %v", err, warnings)
			}
			if got := conf.String("DEFAULT", "host"); got != "n1" {
				t.Errorf("host = %q, want n1", got)
			}
		})
	}
}

func TestLoadNoUTF8(t *testing.T) {
	_, _, err := loadText(t, "[DEFAULT]\nhost = \xff\n continued\nlog_file = x\n")
	if err == nil || !strings.HasSuffix(err.Error(), ":2:1: this line is not UTF-8 text; save the file as UTF-8") {
		t.Errorf("error %v", err)
	}
}

func TestLoadUnreadable(t *testing.T) {
	dir := t.TempDir()
	_, _, err := config.Load(config.LoadOptions{
		Files: []string{filepath.Join(dir, "a.conf")}, Dirs: []string{filepath.Join(dir, "b.d")},
	})
	want := dir + "/a.conf: cannot be read: no such file or directory; check the path and its permissions\n" +
		dir + "/b.d: cannot be read: no such file or directory; check the path and its permissions\n"
	if got := configtest.Faults(t, err); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestHostDefault(t *testing.T) {
	want, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	conf, _, err := config.Load(config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got := conf.String("DEFAULT", "host"); got != want {
		t.Errorf("host = %q, want %q", got, want)
	}
}

func TestGetterPanics(t *testing.T) {
	conf, _, err := config.Load(config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for want, get := range map[string]func(){
		"config: option [polling] nope is not in the table of options":                func() { conf.String("polling", "nope") },
		"config: option [polling] cfg_file is a text, not a whole number":             func() { conf.Int("polling", "cfg_file") },
		"config: option [notification] pipelines is a repeatable text, ask for Multi": func() { conf.String("notification", "pipelines") },
		"config: option [DEFAULT] debug is a boolean, not a comma-separated list":     func() { conf.List("DEFAULT", "debug") },
		"config: option [polling] batch_size is a whole number, not a boolean":        func() { conf.Bool("polling", "batch_size") },
	} {
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Errorf("panic %v, want %s", got, want)
				}
			}()
			get()
		}()
	}
}

// Values that refer to each other in any way are resolved or refused, never followed for ever.
func TestInterpolationEnds(t *testing.T) {
	names := []string{"log_file", "sample_source", "libvirt_uri", "reseller_prefix", "rootwrap_config", "host"}
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		refers := map[string][]string{}
		var b strings.Builder
		b.WriteString("[DEFAULT]\n")
		for _, name := range names {
			to := rapid.SliceOfN(rapid.SampledFrom(names), 0, 4).Draw(t, name)
			refers[name] = to
			b.WriteString(name + " = x")
			for i, other := range to {
				b.WriteString([]string{"${" + other + "}", "$DEFAULT." + other + "-"}[i%2])
			}
			b.WriteByte('\n')
		}
		path := filepath.Join(dir, "a.conf")
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		conf, warnings, err := config.Load(config.LoadOptions{Files: []string{path}})
		said := configtest.Listed(warnings)
		if err != nil {
			said += err.Error()
		}
		if got, want := strings.Contains(said, "refers to itself"), circular(refers); got != want {
			t.Fatalf("reported a circle: %v, want %v, of\n%s%s", got, want, b.String(), said)
		}
		if err == nil && said == "" {
			for _, name := range names {
				if got, want := conf.String("DEFAULT", name), expand(refers, name); got != want {
					t.Fatalf("%s = %q, want %q, of\n%s", name, got, want, b.String())
				}
			}
		}
	})
}

// circular is the oracle: can a name reach itself?
func circular(refers map[string][]string) bool {
	for name := range refers {
		seen := map[string]bool{}
		todo := refers[name]
		for len(todo) > 0 {
			next := todo[0]
			todo = todo[1:]
			if next == name {
				return true
			}
			if !seen[next] {
				seen[next] = true
				todo = append(slices.Clip(todo), refers[next]...)
			}
		}
	}
	return false
}

func expand(refers map[string][]string, name string) string {
	s := "x"
	for i, other := range refers[name] {
		s += expand(refers, other) + strings.Repeat("-", i%2)
	}
	return s
}

// Doubling a value again and again is refused before it fills the memory.
func TestInterpolationIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("[oslo_messaging_rabbit]\n[service_credentials]\nusername = 0123456789\n")
	last := "username"
	for _, o := range config.Options() {
		if o.Group == "service_credentials" && o.Kind == config.String && o.Name != "username" && !o.Secret && len(o.Choices) == 0 {
			fmt.Fprintf(&b, "%s = $%s$%s\n", o.Name, last, last)
			last = o.Name
		}
	}
	_, warnings, err := loadText(t, b.String())
	if err != nil || !strings.Contains(configtest.Listed(warnings), "grows over 1048576 bytes by what it refers to; refer to fewer options") {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
}

func loadText(t *testing.T, text string) (*config.Conf, []config.Diagnostic, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return config.Load(config.LoadOptions{Files: []string{path}})
}

func lines(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
}
