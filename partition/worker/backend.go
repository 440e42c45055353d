package worker

import (
	"time"

	"github.com/ringmeter/ringmeter/partition/steps"
)

// Backend is a coordinator that groups meet at. It serves any number of goroutines.
type Backend interface {
	// Group is where members of that name meet. It is made without asking anybody.
	Group(name string) steps.Store
	// TTL is the lease that the backend was configured with, 0 for the default.
	TTL() time.Duration
	// String says where the backend is, without secrets.
	String() string
	// Close ends all connections. Stores fail afterwards.
	Close() error
}
