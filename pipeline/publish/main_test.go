package publish_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if os.Getenv(fullDiskVariable) != "" {
		os.Exit(writeToFullDisk())
	}
	goleak.VerifyTestMain(m)
}
