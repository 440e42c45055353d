package local_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/ringmeter/ringmeter/partition/local"
	"github.com/ringmeter/ringmeter/partition/partitiontest"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestConformance(t *testing.T) {
	partitiontest.Run(t, func(*testing.T) worker.Backend { return local.NewBackend() })
}
