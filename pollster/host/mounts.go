package host

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// mount is a line of mountinfo.
type mount struct {
	id, parent int
	device     string // "major:minor" of the filesystem, the same for all its mounts
	root       string // what of the filesystem is mounted, "/" but for bind mounts
	path       string // where it is mounted
	fstype     string
	source     string // block device, export, pool …
}

// local reports whether a block device is beneath, and not a network or another process.
func (m mount) local() bool { return !strings.HasPrefix(m.device, "0:") }

// name is what samples call the filesystem: its source, or its path where the source is a
// mere word ("s3fs", "tank") that others may share.
func (m mount) name() string {
	if strings.ContainsAny(m.source, "/:") {
		return m.source
	}
	return m.path
}

// readMounts reads mountinfo. Lines that it cannot make sense of are left out.
func (m machine) readMounts() ([]mount, error) {
	process := "self"
	if m.root != "/" {
		process = "1" // ours are those of the container
	}
	path := filepath.Join(m.proc, process, "mountinfo")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var all []mount
	for line := range strings.Lines(string(text)) {
		if each, ok := parseMount(line); ok {
			all = append(all, each)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no mount", path)
	}
	return all, nil
}

// parseMount reads "id parent major:minor root path options [optional…] - type source options".
func parseMount(line string) (mount, bool) {
	place, filesystem, ok := strings.Cut(line, " - ")
	p, f := strings.Split(place, " "), strings.Split(filesystem, " ")
	if !ok || len(p) < 6 || len(f) < 2 {
		return mount{}, false
	}
	id, idErr := strconv.Atoi(p[0])
	parent, parentErr := strconv.Atoi(p[1])
	if idErr != nil || parentErr != nil {
		return mount{}, false
	}
	return mount{
		id: id, parent: parent, device: p[2], root: unescape(p[3]), path: unescape(p[4]),
		fstype: f[0], source: unescape(f[1]),
	}, true
}

// unescape undoes the kernel's \ooo for blanks and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// filesystemsOf picks from all mounts one for each filesystem that holds data: not those
// that the kernel makes up, that live in memory, are images or lie upon others; of several
// mounts of one filesystem the whole one before bind mounts, then the shortest path. What
// an automounter has mounted is left out too, since looking at it would mount it again or
// keep it mounted. They are sorted by path.
func filesystemsOf(all []mount) []mount {
	t := newMountTree(all)
	candidates := slices.DeleteFunc(slices.Clone(all), func(m mount) bool { return !holdsData(m.fstype) })
	slices.SortStableFunc(candidates, func(a, b mount) int {
		return cmp.Or(
			cmp.Compare(rank(a), rank(b)),
			cmp.Compare(len(a.path), len(b.path)),
			strings.Compare(a.path, b.path),
		)
	})
	seen := make(map[string]bool)
	var picked []mount
	for _, m := range candidates {
		// One export mounted twice with other options is two devices but one thing.
		if seen["device "+m.device] || seen["name "+m.name()] || !t.reachable(m) {
			continue
		}
		seen["device "+m.device], seen["name "+m.name()] = true, true
		picked = append(picked, m)
	}
	slices.SortFunc(picked, func(a, b mount) int { return strings.Compare(a.path, b.path) })
	return picked
}

func rank(m mount) int {
	if m.root == "/" {
		return 0
	}
	return 1
}

func holdsData(fstype string) bool {
	switch fstype {
	case "autofs", "bdev", "binder", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs",
		"cpuset", "dax", "debugfs", "devpts", "devtmpfs", "drm", "efivarfs", "fusectl",
		"hugetlbfs", "mqueue", "nfsd", "nsfs", "pipefs", "proc", "pstore", "resctrl",
		"rootfs", "rpc_pipefs", "securityfs", "selinuxfs", "smackfs", "sockfs", "sysfs",
		"tracefs":
		return false // made up by the kernel
	case "fuse.gvfsd-fuse", "fuse.lxcfs", "fuse.portal":
		return false // made up by a process
	case "ramfs", "tmpfs":
		return false // memory
	case "cramfs", "erofs", "fuse.snapfuse", "iso9660", "romfs", "squashfs":
		return false // images, which are full by nature
	case "aufs", "overlay":
		return false // the filesystem beneath is counted already
	}
	return true
}
