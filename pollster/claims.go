package pollster

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/ringmeter/ringmeter/partition"
)

// claimBatch is how many partitions a request names: each request blocks the coordinator for
// a moment.
const claimBatch = 256

// claim asks for the partitions of items and returns what was granted.
func (c *cycle) claim(ctx context.Context, items []item) map[int]partition.Claim {
	granted := map[int]partition.Claim{}
	wanted := map[int]struct{}{}
	for _, it := range items {
		if !it.local {
			wanted[it.partition] = struct{}{}
		}
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(wanted)), claimBatch) {
		claims, err := c.share.ledger.Claim(ctx, chunk...)
		if err != nil && !stopping(ctx) {
			c.ledgerFailed("claim", err)
		}
		for _, cl := range claims {
			granted[cl.Partition] = cl
		}
	}
	return granted
}

// settle finishes the claims of which everything is written and releases the others.
func (c *cycle) settle(ctx context.Context, claims map[int]partition.Claim, unfinished map[int]bool) {
	if len(claims) == 0 {
		return
	}
	ctx, cancel := outlast(ctx, lastSettle)
	defer cancel()
	var done, released []partition.Claim
	for _, p := range slices.Sorted(maps.Keys(claims)) {
		if unfinished[p] {
			released = append(released, claims[p])
		} else {
			done = append(done, claims[p])
		}
	}
	for chunk := range slices.Chunk(done, claimBatch) {
		if err := c.share.ledger.Done(ctx, chunk...); err != nil {
			c.ledgerFailed("done", err)
		}
	}
	for chunk := range slices.Chunk(released, claimBatch) {
		if err := c.share.ledger.Release(ctx, chunk...); err != nil {
			c.ledgerFailed("release", err)
		}
	}
}

// claimsOf is the claims that cover a group.
func claimsOf(group []item, claims map[int]partition.Claim) []partition.Claim {
	seen := map[int]struct{}{}
	var held []partition.Claim
	for _, it := range group {
		if _, again := seen[it.partition]; !again {
			seen[it.partition] = struct{}{}
			held = append(held, claims[it.partition])
		}
	}
	return held
}

// stopping reports whether ctx ended because the Scheduler is to stop, which makes the
// errors that follow from it no news.
func stopping(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }
