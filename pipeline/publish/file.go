package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/ringmeter/ringmeter/metering"
)

// file appends one line per sample to a file, JSON or the text of a Python dictionary,
// and never leaves a part of a line behind. Nobody but publishers of the same Set may
// write to the file at the same time; moving it away is fine.
type file struct {
	path    string
	json    bool
	max     int64 // bytes at which the file is rotated; 0: never
	backups int

	mu   *sync.Mutex // of the path, because a reload may open it a second time
	f    *os.File    // nil until opened, and again after an error of opening
	kind os.FileInfo
	size int64 // of whole lines
	torn bool  // what is behind size has to go before the next write
	buf  []byte
	ends []int // of the lines in buf
}

func readFile(o *options) opener {
	p := &file{path: o.url.Path, json: o.has("json")}
	if o.url.Host != "" {
		o.faults = append(o.faults, fmt.Errorf("%q is read as a host; write file:///%s%s", o.url.Host, o.url.Host, o.url.Path))
	} else if p.path == "" || p.path == "/" {
		o.faults = append(o.faults, errors.New("the path is missing; write file:///path/to/file"))
	}
	p.max = int64(o.number("max_bytes", 0, 0))
	p.backups = o.number("backup_count", 0, 0)
	if p.max == 0 || p.backups == 0 {
		p.max, p.backups = 0, 0 // as in Ceilometer, one alone does nothing
	}
	return func(env Env) (samples, error) {
		p.mu = env.paths.lock(p.path)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err := p.reopen(); err != nil {
			return nil, err
		}
		return p, nil
	}
}

// Publish implements pipeline.Publisher. After an error the file ends with a whole line,
// and what was written stays written.
func (p *file) Publish(_ context.Context, batch []metering.Sample) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.follow(); err != nil {
		return err
	}
	p.buf, p.ends = p.buf[:0], p.ends[:0]
	done := 0
	flush := func() error {
		n, err := p.write()
		done += n
		p.buf, p.ends = p.buf[:0], p.ends[:0]
		return err
	}
	for i := range batch {
		from := len(p.buf)
		p.buf = p.appendLine(p.buf, &batch[i])
		line := int64(len(p.buf) - from)
		if p.max > 0 && p.size+int64(from) > 0 && p.size+int64(from)+line >= p.max {
			p.buf = p.buf[:from]
			err := flush()
			if err == nil {
				err = p.rotate()
			}
			if err != nil {
				return p.rest(batch[done:], err)
			}
			p.buf = p.appendLine(p.buf, &batch[i])
		}
		p.ends = append(p.ends, len(p.buf))
	}
	if err := flush(); err != nil {
		return p.rest(batch[done:], err)
	}
	return nil
}

func (p *file) appendLine(dst []byte, s *metering.Sample) []byte {
	if p.json {
		return appendObjectLine(dst, s)
	}
	return append(s.AppendPython(dst), '\n')
}

func (p *file) rest(batch []metering.Sample, err error) error {
	return &partialError[metering.Sample]{retry: batch, err: err}
}

// write appends p.buf and returns how many whole lines of it are in the file.
func (p *file) write() (lines int, err error) {
	if len(p.buf) == 0 {
		return 0, nil
	}
	n, err := p.f.Write(p.buf)
	if err == nil {
		p.size += int64(n)
		return len(p.ends), nil
	}
	whole := 0
	for lines < len(p.ends) && p.ends[lines] <= n {
		whole = p.ends[lines]
		lines++
	}
	p.size += int64(whole)
	p.torn = n > whole
	return lines, errors.Join(fmt.Errorf("writing %s: %w", p.path, cause(err)), p.mend())
}

// mend cuts off what a failed write has left of a line.
func (p *file) mend() error {
	if !p.torn {
		return nil
	}
	if p.kind.Mode().IsRegular() {
		if err := p.f.Truncate(p.size); err != nil {
			return fmt.Errorf("cutting off half a line of %s: %w", p.path, cause(err))
		}
	}
	p.torn = false
	return nil
}

// follow makes sure that p.f is whole and still what the path names.
func (p *file) follow() error {
	if p.f == nil {
		return p.reopen()
	}
	if err := p.mend(); err != nil {
		return err
	}
	if there, err := os.Stat(p.path); err == nil && os.SameFile(there, p.kind) {
		p.size = there.Size() // somebody may have emptied it, or written to it as well
		return nil
	}
	if err := p.close(); err != nil {
		return err
	}
	return p.reopen()
}

// reopen opens the file, and ends a line that a crash has left unfinished.
func (p *file) reopen() error {
	if there, err := os.Stat(p.path); err == nil && there.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeDir) != 0 {
		return fmt.Errorf("opening %s: is a %s, not a file", p.path, kindOf(there))
	}
	f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o644)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening %s: the directory %s does not exist; create it", p.path, filepath.Dir(p.path))
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", p.path, cause(err))
	}
	info, err := f.Stat()
	if err == nil {
		p.f, p.kind, p.size, p.torn = f, info, info.Size(), false
		err = p.repair()
	}
	if err != nil {
		p.f = nil
		return errors.Join(fmt.Errorf("opening %s: %w", p.path, cause(err)), f.Close())
	}
	return nil
}

func kindOf(info os.FileInfo) string {
	switch {
	case info.IsDir():
		return "directory"
	case info.Mode()&fs.ModeNamedPipe != 0:
		return "named pipe"
	}
	return "socket"
}

// longestLine bounds how far back the end of the last whole line is looked for.
const longestLine = 1 << 20

// repair cuts off the unfinished line that a crash has left. Where no line ends nearby
// the file is not one of ours, so nothing is cut and the next line begins a new one.
func (p *file) repair() error {
	if !p.kind.Mode().IsRegular() || p.size == 0 {
		return nil
	}
	tail := make([]byte, min(p.size, longestLine))
	if _, err := p.f.ReadAt(tail, p.size-int64(len(tail))); err != nil {
		return err
	}
	if i := bytes.LastIndexByte(tail, '\n'); i >= 0 {
		p.size -= int64(len(tail) - 1 - i)
		p.torn = i < len(tail)-1
		return p.mend()
	}
	n, err := p.f.Write([]byte{'\n'})
	p.size += int64(n)
	return err
}

// rotate moves path to path.1, path.1 to path.2 and so on; the oldest goes.
func (p *file) rotate() error {
	if !p.kind.Mode().IsRegular() {
		return nil
	}
	if err := p.close(); err != nil {
		return err
	}
	name := func(i int) string {
		if i == 0 {
			return p.path
		}
		return p.path + "." + strconv.Itoa(i)
	}
	for i := p.backups - 1; i >= 0; i-- {
		if err := os.Rename(name(i), name(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating %s: %w", p.path, err)
		}
	}
	return p.reopen()
}

// close makes what was written durable.
func (p *file) close() error {
	f := p.f
	p.f = nil
	if f == nil {
		return nil
	}
	var err error
	if p.kind.Mode().IsRegular() {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("closing %s: %w", p.path, err)
	}
	return nil
}

// Close implements io.Closer.
func (p *file) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.close()
}

// cause is err without the path that the message already has.
func cause(err error) error {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Err
	}
	return err
}

// paths has a lock for every file that publishers of a Set have opened.
type paths struct{ locks sync.Map }

func (p *paths) lock(path string) *sync.Mutex {
	l, _ := p.locks.LoadOrStore(filepath.Clean(path), &sync.Mutex{})
	return l.(*sync.Mutex)
}
