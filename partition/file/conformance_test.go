package file_test

import (
	"testing"

	"github.com/ringmeter/ringmeter/partition/partitiontest"
	"github.com/ringmeter/ringmeter/partition/worker"
)

func TestConformance(t *testing.T) {
	partitiontest.Run(t, func(t *testing.T) worker.Backend { return open(t, t.TempDir()) })
}
