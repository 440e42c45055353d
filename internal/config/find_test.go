package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ringmeter/ringmeter/internal/config"
)

// tree makes empty files below a new folder, and folders of names that end in "/".
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		dir := filepath.Dir(path)
		if name[len(name)-1] == '/' {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDefaultFiles(t *testing.T) {
	for name, test := range map[string]struct{ tree, files, dirs []string }{
		"nothing": {},
		"etc": {
			tree:  []string{"etc/ceilometer/ceilometer.conf", "etc/ceilometer.conf", "etc/ceilometer/poller.conf.d/"},
			files: []string{"etc/ceilometer/ceilometer.conf"},
			dirs:  []string{"etc/ceilometer/poller.conf.d"},
		},
		"home first": {
			tree:  []string{"home/.ceilometer/ceilometer.conf", "home/ceilometer.conf", "etc/ceilometer/ceilometer.conf", "etc/poller.conf", "etc/ceilometer/ceilometer.conf.d/"},
			files: []string{"home/.ceilometer/ceilometer.conf", "etc/poller.conf"},
			dirs:  []string{"etc/ceilometer/ceilometer.conf.d"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := tree(t, test.tree...)
			files, dirs := config.SearchPath{Home: filepath.Join(root, "home"), Etc: filepath.Join(root, "etc")}.DefaultFiles("poller")
			for _, list := range [][]string{files, dirs} {
				for i, path := range list {
					list[i], _ = filepath.Rel(root, path)
				}
			}
			if diff := cmp.Diff(test.files, files); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.dirs, dirs); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFind(t *testing.T) {
	root := tree(t, "one/c.conf", "one/both.yaml", "two/c.conf", "two/both.yaml", "one/one.yaml", "d/both.yaml", "d/",
		"etc/ceilometer/packaged.yaml", "home/mine.yaml", "cwd/here.yaml")
	t.Chdir(filepath.Join(root, "cwd"))
	load := func(dirs ...string) *config.Conf {
		conf, _, err := config.Load(config.LoadOptions{
			Files:  []string{filepath.Join(root, "one/c.conf"), filepath.Join(root, "two/c.conf")},
			Dirs:   dirs,
			Search: config.SearchPath{Home: filepath.Join(root, "home"), Etc: filepath.Join(root, "etc")},
		})
		if err != nil {
			t.Fatal(err)
		}
		return conf
	}
	without, with := load(), load(filepath.Join(root, "d"))
	for _, test := range []struct {
		conf       *config.Conf
		name, want string
	}{
		{without, "both.yaml", "two/both.yaml"},
		{with, "both.yaml", "d/both.yaml"},
		{without, "one.yaml", "one/one.yaml"},
		{without, "packaged.yaml", "etc/ceilometer/packaged.yaml"},
		{without, "~/mine.yaml", "home/mine.yaml"},
		{without, filepath.Join(root, "one/both.yaml"), "one/both.yaml"},
		{without, "/no/both.yaml", ""},
		{without, "none.yaml", ""},
		{without, "", ""},
	} {
		got, ok := test.conf.Find(test.name)
		if ok {
			got, _ = filepath.Rel(root, got)
		}
		if got != test.want || ok != (test.want != "") {
			t.Errorf("Find(%q) = %q, %v, want %q", test.name, got, ok, test.want)
		}
	}
	if got, ok := without.Find("here.yaml"); got != "here.yaml" || !ok {
		t.Errorf("Find(here.yaml) = %q, %v", got, ok)
	}
}
