package host_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"golang.org/x/sys/unix"

	"github.com/ringmeter/ringmeter/pollster/host"
)

// FuzzMachine replaces one file of the made-up machine by anything: nothing panics, and
// what is yielded is complete.
func FuzzMachine(f *testing.F) {
	files := machineFiles(f)
	for i, path := range files {
		text, err := os.ReadFile(filepath.Join("testdata/machine", path))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), text)
		f.Add(uint8(i), text[:len(text)/2])
		f.Add(uint8(i), []byte{})
		f.Add(uint8(i), []byte("a: b\ncpu cpu\n:\n1 2 3 - - -\n\xff\x00\\\n"))
	}
	c := copied(f) // one for all inputs: each puts back what it has changed
	f.Fuzz(func(t *testing.T, i uint8, content []byte) {
		path := files[int(i)%len(files)]
		original, err := os.ReadFile(filepath.Join("testdata/machine", path))
		if err != nil {
			t.Fatal(err)
		}
		changed := filepath.Join(c.Proc, "..", path)
		write(t, changed, string(content))
		defer write(t, changed, string(original))
		synctest.Test(t, func(t *testing.T) {
			answers := func(_ string, s *unix.Statfs_t) error {
				*s = unix.Statfs_t{Frsize: 1 << 20, Blocks: uint64(len(content)) << 52, Bfree: 7}
				return nil
			}
			for _, p := range host.PluginsWith(c, answers, addresses) {
				made, err := p.New()
				if err != nil {
					t.Fatal(err)
				}
				samples, _ := poll(t.Context(), made)
				for _, s := range samples {
					check(t, p, s)
				}
			}
		})
	})
}

func machineFiles(f *testing.F) []string {
	f.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS("testdata/machine"), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	slices.Sort(files)
	return files
}

// FuzzAddresses: the kernel's answer may be anything.
func FuzzAddresses(f *testing.F) {
	f.Add(dump(newAddress(2, unix.AF_INET, attribute{unix.IFA_LOCAL, []byte{192, 0, 2, 2}})))
	f.Add(dump(newAddress(2, unix.AF_INET, attribute{unix.IFA_ADDRESS, []byte{1}}))[:21])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, dump []byte) {
		all, err := host.ParseAddresses(dump)
		if err != nil && all != nil {
			t.Errorf("%d interfaces beside an error", len(all))
		}
	})
}
