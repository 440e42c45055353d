package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockPatience = 2 * time.Second
	lockRetry    = time.Millisecond // a step takes about as long
)

// lock takes the lock of a group's folder, which it makes if it is missing. Closing the
// file gives the lock back, and so does the end of the process.
func lock(ctx context.Context, dir string) (*os.File, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockPatience,
		fmt.Errorf("another worker has held it for %v: %w", lockPatience, context.DeadlineExceeded))
	defer cancel()
	for ctx.Err() == nil {
		f, err := tryLock(dir)
		if f != nil || err != nil {
			return f, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(lockRetry):
		}
	}
	return nil, fmt.Errorf("waiting for %s: %w", filepath.Join(dir, "lock"), context.Cause(ctx))
}

// tryLock returns nil when somebody else has the lock.
func tryLock(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, dirMode); err != nil {
			return nil, err
		}
		f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	}
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}
