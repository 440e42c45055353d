package redis

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// store runs the steps of one group.
type store struct {
	backend *Backend
	prefix  string // of all keys
	keys    []string
	now     string // a space and the time in milliseconds, set by tests; "" for Redis' own
}

var _ steps.Store = (*store)(nil)

// tag makes the name of a group fit for the braces of a hash tag, which ends at the first
// closing brace and is none when it is empty.
func tag(group string) string {
	if group == "" {
		return "%"
	}
	return strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D").Replace(group)
}

func newStore(b *Backend, group string) *store {
	prefix := b.namespace + ":{" + tag(group) + "}:"
	return &store{backend: b, prefix: prefix,
		keys: []string{prefix + "g", prefix + "v", prefix + "m", prefix + "hb", prefix + "l"}}
}

// run runs a step on the group, and on one more key unless item is "". until is when the
// caller waits no more, 0 for never.
func (s *store) run(ctx context.Context, l *link, step, item string, until int64, args ...any) (*reply, error) {
	keys := s.keys
	if item != "" {
		keys = append(slices.Clip(keys), s.prefix+item)
	}
	values, err := l.run(ctx, s.backend.scripts[step], keys, append([]any{strconv.FormatInt(until, 10) + s.now}, args...))
	if err != nil {
		return nil, fmt.Errorf("running %s at %s: %w", step, s.backend, err)
	}
	return &reply{values: values}, nil
}

// done is the result of a step unless its answer could not be read.
func done[T any](step string, r *reply, result T) (T, error) {
	if r.err != nil {
		var none T
		return none, fmt.Errorf("reading the answer to %s: %w", step, r.err)
	}
	return result, nil
}

func (s *store) Beat(ctx context.Context, b steps.Beat) (steps.Beaten, error) {
	// Its line in the view must be one line.
	if _, err := partition.NewView(0, partition.Member{ID: b.ID, Weight: b.Weight, Address: b.Address}); err != nil {
		return steps.Beaten{}, err
	}
	r, err := s.run(ctx, s.backend.beats, "beat", "", b.Until, b.ID, b.Incarnation, b.Era, b.Weight, b.Address,
		b.Settings, b.Epoch, b.TTL.Milliseconds(), b.Settle.Milliseconds(), b.SettleMost.Milliseconds())
	if err != nil {
		return steps.Beaten{}, err
	}
	beaten := steps.Beaten{Status: r.status(), Now: r.num(1)}
	if beaten.Status == steps.Mismatch {
		beaten.Settings = r.text(2)
	}
	if beaten.Status == steps.OK {
		beaten.Incarnation, beaten.Era, beaten.Epoch = r.num(2), r.num(3), uint64(r.num(4))
		beaten.InView, beaten.Grace = r.num(5) == 1, r.num(6) == 1
		if len(r.values) > 7 {
			v := r.view(beaten.Epoch, 7)
			beaten.View = &v
		}
	}
	return done("beat", r, beaten)
}

func (s *store) Restore(ctx context.Context, r steps.Restore) error {
	view, err := encodeView(r.View)
	if err != nil {
		return err
	}
	_, err = s.run(ctx, s.backend.beats, "restore", "", 0, r.Era, r.Settings, r.View.Epoch, view, r.TTL.Milliseconds())
	return err
}

func (s *store) Leave(ctx context.Context, c steps.Caller) error {
	_, err := s.run(ctx, s.backend.beats, "leave", "", 0, c.ID, c.Incarnation)
	return err
}

func (s *store) Post(ctx context.Context, key string, p partition.Post, keep time.Duration) error {
	_, err := s.run(ctx, s.backend.others, "post", "b:"+key, 0, orderly(p.Version), p.Data, keep.Milliseconds())
	return err
}

func (s *store) Read(ctx context.Context, key string) (partition.Post, error) {
	r, err := s.run(ctx, s.backend.others, "read", "b:"+key, 0)
	if err != nil {
		return partition.Post{}, err
	}
	if len(r.values) == 0 {
		return partition.Post{}, partition.ErrNoPost
	}
	version, err := strconv.ParseUint(r.text(0), 10, 64)
	if err != nil {
		r.fail(0, "version")
	}
	return done("read", r, partition.Post{Version: int64(version ^ signBit), Data: []byte(r.text(1))})
}

// signBit is turned over in what is written of a version, so that the texts of negative
// ones come first.
const signBit = 1 << 63

func orderly(version int64) string { return fmt.Sprintf("%020d", uint64(version)^signBit) }
