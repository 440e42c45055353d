package publish

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/ringmeter/ringmeter/metering"
)

// The bound is a million series; a test of it is quicker with ten.
func TestExpositionIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := NewExposition(ExpositionOptions{Expire: time.Minute})
		e.limit = 10
		publish := func(meter string, from, to int) {
			for i := from; i < to; i++ {
				if err := e.Publish(context.Background(), []metering.Sample{{Name: meter, Type: metering.Gauge, Volume: metering.Int(1),
					ResourceID: strconv.Itoa(i), ProjectID: metering.TextOf(strconv.Itoa(i)), Timestamp: metering.FormatTime(time.Now())}}); err != nil {
					t.Fatal(err)
				}
			}
		}
		check := func(series int, dropped uint64, held int) {
			t.Helper()
			if n := testutil.CollectAndCount(e, "a", "b", "c"); n != series || e.dropped[dropLimit] != dropped {
				t.Errorf("%d series, %d dropped, want %d and %d", n, e.dropped[dropLimit], series, dropped)
			}
			if len(e.resources) != held || len(e.projects.labels) != held || len(e.claims) != len(e.families) {
				t.Errorf("holds %d resources, %d projects, %d names of %d meters", len(e.resources), len(e.projects.labels), len(e.claims), len(e.families))
			}
		}
		publish("a", 0, 8)
		publish("b", 6, 12)
		check(10, 4, 8)
		publish("c", 0, 1) // a new meter of a known resource is one too many as well
		publish("a", 0, 8) // what is shown goes on
		check(10, 5, 8)
		<-time.After(time.Minute)
		publish("b", 6, 12)
		check(6, 5, 6)
		<-time.After(time.Minute)
		check(0, 5, 0)
		if len(e.families) != 0 || len(e.users.labels) != 0 {
			t.Errorf("holds %d meters, %d users of nothing", len(e.families), len(e.users.labels))
		}
	})
}
