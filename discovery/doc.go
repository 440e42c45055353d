// Package discovery knows what exists: it lists the resources that pollsters meter.
//
// A [Plugin] is a row of a table; a [Catalog] is made of rows and holds one [Discoverer]
// of each; a [Ref] ("name" or "name:param") selects one. A [Cache] is one cycle's view:
//
//	catalog, faults := discovery.NewCatalog(plugins)
//	cache := catalog.Cycle(nil, discovery.Sharing{})
//	resources, err := cache.List(ctx, discovery.Ref{Name: "local_node"})
//
// What it promises:
//
//   - One Cache lists a reference at most once, however many ask and however concurrently;
//     an error is kept like a list, so a service that is down is asked once per cycle.
//   - List returns when its context ends, even when the discoverer does not. Until that
//     discoverer returns, the reference is not listed again by any cycle: what hangs
//     cannot pile up.
//   - A discoverer that panics, or that cannot be constructed, is an error of its own
//     references and of nothing else.
//
// With an [Exchange] one worker of a group lists for all, so that all divide the same
// resources and a service is asked once a cycle, however many workers there are. [Sharing]
// says for which cycle and with what patience. It adds:
//
//   - Only references whose plugin has a Decode and Scope Shared are shared, and a list is
//     read whole, with the keys that its lister has seen, or not at all.
//   - A list that is older than the cycle, missing, broken or cannot be read leads to one
//     made here, after Patience at the latest, which others do not see. A worker that
//     becomes the one to list while it waits lists at once.
//   - A lister that fails says so, and the others list for themselves without waiting: the
//     fault may lie with it alone.
//     What lies with the lister itself (no discoverer, one that hangs, the end of its
//     context) is not passed on; the others then list after Patience.
//   - Leaving a list for the others neither delays its use here nor makes it fail.
//
// What it does not do: it does not divide resources among workers, does not remove those
// that are listed twice, and does not retry.
package discovery
