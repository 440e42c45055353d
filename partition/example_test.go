package partition_test

import (
	"fmt"

	"github.com/ringmeter/ringmeter/partition"
)

func ExampleNewRing() {
	view, err := partition.NewView(1,
		partition.Member{ID: "worker-b", Weight: 1},
		partition.Member{ID: "worker-a", Weight: 1},
		partition.Member{ID: "worker-c"}, // drains
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := partition.NewRing(view, partition.DefaultSettings())
	if err != nil {
		fmt.Println(err)
		return
	}
	p := ring.Partition("server/6f1e3c5a-0000-4000-8000-000000000001")
	owner, ok := ring.Owner(p)
	fmt.Println(p, owner.ID, ok)
	fmt.Printf("%.3f of the cycle\n", ring.Slot(p, 0.7))
	// Output:
	// 2412 worker-b true
	// 0.458 of the cycle
}
