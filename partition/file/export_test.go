package file

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// SetClock gives the backend another clock.
func (b *Backend) SetClock(now func() time.Time) { b.now = now }

// Folder is where the files of a group are.
func (b *Backend) Folder(group string) string { return filepath.Join(b.dir, fileName(group)) }

// Lock takes the lock of a group as a step does.
func Lock(ctx context.Context, folder string) (*os.File, error) { return lock(ctx, folder) }
