package redis_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ringmeter/ringmeter/internal/testlab"
	"github.com/ringmeter/ringmeter/partition/partitiontest"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func TestConformance(t *testing.T) {
	server := testlab.StartRedis(t, testlab.RedisOptions{})
	var checks atomic.Int32
	partitiontest.Run(t, func(t *testing.T) worker.Backend {
		return open(t, fmt.Sprintf("%s?namespace=check-%d", server.URL(), checks.Add(1)))
	})
}
