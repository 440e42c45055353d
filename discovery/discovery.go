package discovery

import "context"

// Resource is something that exists and can be metered. Its concrete type belongs to
// the service folder that lists it. It does not change once it is listed.
type Resource interface {
	// ResourceKey is a stable name such as "server/<uuid>", never rendered from volatile
	// fields: it decides the partition and recognises a resource that is listed twice.
	ResourceKey() string
}

// Discoverer lists resources.
type Discoverer interface {
	// Discover lists all resources, or fails: a part of a list is worse than yesterday's
	// list. param is what follows the colon in "name:param", or "".
	Discover(ctx context.Context, param string) ([]Resource, error)
}

// Scope says who sees the same list.
type Scope uint8

const (
	// Shared lists are the same wherever they are made, so workers divide them.
	Shared Scope = iota
	// Local lists hold what only this host can see; they are never divided.
	Local
)

// Plugin is one row of the table of discoveries: data, so that it can be listed and
// documented without a cloud.
type Plugin struct {
	Name       string // what polling.yaml and pollsters call it, e.g. "local_node"
	Namespaces []string
	Scope      Scope
	Group      string // id of the group that shares its resources; "" means "global"
	New        func() (Discoverer, error)
	// Decode is the inverse of json.Marshal of its resources, so that one worker can list
	// for all: the key must be the same, and so must be what pollsters read. data is JSON on
	// one line and belongs to the caller. nil, or Scope Local: each worker lists for itself.
	Decode func(data []byte) (Resource, error)
}

// Static is a resource written down in the configuration (the source's "resources").
type Static string

// ResourceKey is the text itself.
func (s Static) ResourceKey() string { return string(s) }
