package discovery

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

const (
	firstPause = 250 * time.Millisecond // between the first two readings
	lastPause  = time.Second            // what the pauses grow to
	postLimit  = 10 * time.Second       // for one Post
)

// ErrNoList is returned by Exchange.Read when nothing is left under a key.
var ErrNoList = errors.New("no list is left")

// errOurs ends the wait for another worker's list: this worker is the one to list.
var errOurs = errors.New("this worker lists")

// Exchange is how the workers of a group pass lists to each other. A key is Ref.String; an
// Exchange adds whatever else tells apart lists that must not meet. It must be safe for
// concurrent use, and its calls must end with their contexts.
type Exchange interface {
	// Lists reports whether this worker is the one to list what stands under key now. A
	// change of owner shows here at once. It must not block.
	Lists(key string) bool
	// Post leaves a list for the others, for a few cycles at most; an older version does
	// not replace a newer one.
	Post(ctx context.Context, key string, version int64, data []byte) error
	// Read is the newest list, or ErrNoList when there is none.
	Read(ctx context.Context, key string) (version int64, data []byte, err error)
}

// Sharing lets one worker list for all in one cycle. The zero value lets every worker list
// for itself.
type Sharing struct {
	Exchange Exchange // nil: nothing is shared
	// Version identifies the cycle: the same in all workers of a group, and growing. A list
	// of this version or a newer one is used, an older one is not.
	Version int64
	// Patience is how long to wait for another worker's list, reading it included, before
	// listing here. It should be longer than a listing usually takes, and leave time for one
	// before the cycle ends. With 0 another's list is not even looked for.
	Patience time.Duration
	// Posted is told of each list or failure that was to be left to the others: its
	// size in bytes, 0 when it could not be encoded, and why it was not left. May be nil.
	Posted func(ref Ref, size int, err error)
}

// receive waits for what another worker has found. The error says why there is nothing of
// the kind: errOurs, ctx, or what a listing here makes up for.
func (s *Sharing) receive(ctx context.Context, ref Ref, decode func([]byte) (Resource, error)) (f found, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = found{}, fmt.Errorf("reading the list of another worker: panic: %v\n%s", r, debug.Stack())
		}
	}()
	data, err := s.await(ctx, ref.String())
	if err != nil {
		return found{}, err
	}
	if f, err = decodeList(ctx, data, ref, decode); err != nil {
		return found{}, fmt.Errorf("decoding the list of another worker: %w", err)
	}
	return f, nil
}

// await reads until there is a list of this cycle.
func (s *Sharing) await(ctx context.Context, key string) ([]byte, error) {
	if s.Exchange.Lists(key) {
		return nil, errOurs
	}
	ctx, cancel := context.WithTimeout(ctx, s.Patience)
	defer cancel()
	newest := "there is none"
	for pause := firstPause; ctx.Err() == nil; pause = min(pause*3/2, lastPause) {
		version, data, err := s.Exchange.Read(ctx, key)
		switch {
		case err == nil && version >= s.Version:
			return data, nil
		case err == nil:
			newest = fmt.Sprintf("the newest is of cycle %d", version)
		case !errors.Is(err, ErrNoList):
			return nil, fmt.Errorf("reading the list of another worker: %w", err)
		}
		// Only after the reading: an owner that is gone may have left its list before.
		if s.Exchange.Lists(key) {
			return nil, errOurs
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil, fmt.Errorf("waiting for the list of cycle %d of another worker: %s after %v", s.Version, newest, s.Patience)
}

// news is what a listing came to, for the others.
type news struct {
	found
	certain bool // for them even if another worker has become the one to list meanwhile
}

// newsOf is what others might want to know of a listing made here, nil for nothing: what
// lies with this worker alone, its end included, must not keep others from listing.
func newsOf(ctx context.Context, owner bool, l *listing) *news {
	if l.err == nil {
		return &news{found{resources: l.resources}, owner}
	}
	if e, general := errors.AsType[*discoverError](l.err); general && ctx.Err() == nil {
		return &news{failed(e), false}
	}
	return nil
}

// post leaves n for the others if they wait for it. It outlives the caller's context, since
// a cycle that has its list may be over soon, but not postLimit.
func (s *Sharing) post(ctx context.Context, ref Ref, n news) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), postLimit)
	defer cancel()
	size, err := s.tryPost(ctx, ref, n)
	if s.Posted != nil && (size > 0 || err != nil) {
		s.Posted(ref, size, err)
	}
}

// tryPost returns the size of what was to be left, 0 for nothing.
func (s *Sharing) tryPost(ctx context.Context, ref Ref, n news) (size int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("leaving the list of discovery %q: panic: %v\n%s", ref, r, debug.Stack())
		}
	}()
	if !n.certain && !s.Exchange.Lists(ref.String()) {
		return 0, nil
	}
	data, err := encodeList(ref, n.found)
	if err != nil {
		return 0, fmt.Errorf("encoding the list of discovery %q: %w", ref, err)
	}
	if err := s.Exchange.Post(ctx, ref.String(), s.Version, data); err != nil {
		return len(data), fmt.Errorf("leaving the list of discovery %q: %w", ref, err)
	}
	return len(data), nil
}
