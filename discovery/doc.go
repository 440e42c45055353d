// Package discovery knows what exists: it lists the resources that pollsters meter.
//
// A [Plugin] is a row of a table; a [Catalog] is made of rows and holds one [Discoverer]
// of each; a [Ref] ("name" or "name:param") selects one. A [Cache] is one cycle's view:
//
//	catalog, faults := discovery.NewCatalog(plugins)
//	cache := catalog.Cycle(nil)
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
// What it does not do: it does not divide resources among workers, does not remove those
// that are listed twice, and does not retry.
package discovery
