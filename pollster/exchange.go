package pollster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ringmeter/ringmeter/discovery"
	"github.com/ringmeter/ringmeter/partition"
)

const (
	leastKept       = time.Minute      // of a list that is left for others
	longestPatience = 30 * time.Second // with a list that another worker makes
)

// exchange passes lists among the workers of each discovery's group. The worker that owns
// the partition of a list makes it.
type exchange struct {
	groups   *Groups
	naming   naming
	interval time.Duration // lists of other intervals are others
}

var _ discovery.Exchange = (*exchange)(nil)

// membership is that of the group of the list under key; nil when it is not joined.
func (x *exchange) membership(key string) partition.Membership {
	ref, err := discovery.ParseRef(key)
	if err != nil {
		return nil
	}
	g := x.groups.look(x.naming.discovered(ref.Name))
	if g.linked || g.standIn == nil {
		return g.membership
	}
	return g.standIn
}

// Lists is true without a group: then everybody lists.
func (x *exchange) Lists(key string) bool {
	m := x.membership(key)
	if m == nil {
		return true
	}
	ring := m.Ring()
	owner, ok := ring.Owner(ring.Partition("discovery/" + key))
	return ok && owner.ID == x.groups.config.Member.ID
}

func (x *exchange) Post(ctx context.Context, key string, version int64, data []byte) error {
	m := x.membership(key)
	if m == nil {
		return errors.New("the group is not joined")
	}
	return m.Post(ctx, x.key(key), partition.Post{Version: version, Data: data}, max(2*x.interval, leastKept))
}

func (x *exchange) Read(ctx context.Context, key string) (version int64, data []byte, err error) {
	m := x.membership(key)
	if m == nil {
		return 0, nil, errors.New("the group is not joined")
	}
	p, err := m.Read(ctx, x.key(key))
	if errors.Is(err, partition.ErrNoPost) {
		err = discovery.ErrNoList
	}
	return p.Version, p.Data, err
}

func (x *exchange) key(key string) string { return fmt.Sprintf("discovery/%v/%s", x.interval, key) }

// sharing is that of cycle k of a task.
func (t *task) sharing(k int64) discovery.Sharing {
	if t.exchange == nil {
		return discovery.Sharing{}
	}
	return discovery.Sharing{
		Exchange: t.exchange, Version: k, Patience: min(t.exchange.interval/4, longestPatience),
		Posted: func(ref discovery.Ref, size int, err error) {
			t.metrics.posted(ref.Name, size, err)
			problem := "post " + ref.String()
			if err == nil {
				t.health.good(problem)
			} else if t.health.bad(problem) {
				t.log.Warn("list is not left to the other workers, which list for themselves", "discovery", ref.String(), "err", err)
			}
		},
	}
}
