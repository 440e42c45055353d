package file

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	fileMode    = 0o600
	dirMode     = 0o700
	longestName = 200 // bytes; file systems take 255
)

// content is a file as it is or shall be.
type content struct {
	data []byte // nil for no file
	time int64  // of modification, in milliseconds since 1970
}

// folder is the folder of a group whose lock is held.
type folder string

// read returns no content for a file that is not there.
func (f folder) read(path string) (content, error) {
	path = filepath.Join(string(f), path)
	data, err := os.ReadFile(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(path); err == nil {
			return content{data, info.ModTime().UnixMilli()}, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EISDIR) {
		return content{}, nil
	}
	return content{}, err
}

// write does the least that makes was into shall: nothing, a new time, or a new file in
// place of the old.
func (f folder) write(path string, was, shall content) error {
	path = filepath.Join(string(f), path)
	modified := time.UnixMilli(shall.time)
	switch {
	case shall.data == nil && was.data == nil:
		return nil
	case shall.data == nil:
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	case was.data != nil && bytes.Equal(was.data, shall.data):
		if was.time == shall.time {
			return nil
		}
		return os.Chtimes(path, modified, modified)
	}
	// One name serves all, since who holds the lock writes alone: what a killed worker has
	// left there is overwritten.
	next := filepath.Join(string(f), "new")
	if err := os.WriteFile(next, shall.data, fileMode); err != nil {
		return err
	}
	if err := os.Chtimes(next, modified, modified); err != nil {
		return err
	}
	err := os.Rename(next, path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
			return err
		}
		err = os.Rename(next, path)
	}
	return err
}

// list names the files in a subfolder. A missing one has none.
func (f folder) list(sub string) ([]fs.DirEntry, error) {
	entries, err := os.ReadDir(filepath.Join(string(f), sub))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var files []fs.DirEntry
	for _, e := range entries {
		if e.Type().IsRegular() {
			files = append(files, e)
		}
	}
	return files, err
}

// forget removes the files of a subfolder whose time has passed, with a second to spare
// for file systems that keep whole ones.
func (f folder) forget(sub string, now int64) error {
	files, err := f.list(sub)
	if err != nil {
		return err
	}
	for _, e := range files {
		info, err := e.Info()
		if err != nil || info.ModTime().UnixMilli()+1000 > now {
			continue // what is gone is gone
		}
		if err := os.Remove(filepath.Join(string(f), sub, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// fileName makes any text the name of a file, readable where it can be.
func fileName(s string) string {
	name := url.PathEscape(s)
	if name == "" || strings.HasPrefix(name, ".") || len(name) > longestName {
		return fmt.Sprintf(",%x", sha256.Sum256([]byte(s))) // an escaped name has no comma
	}
	return name
}
