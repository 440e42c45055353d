package bus_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ringmeter/ringmeter/bus"
)

func TestReject(t *testing.T) {
	b := &bus.Batch{Messages: []bus.Message{{ID: "a"}, {ID: "b"}, {ID: "c"}}}
	if got := b.Rejected(); len(got) != 0 {
		t.Errorf("rejected before Reject: %v", got)
	}
	bad, worse := errors.New("bad"), errors.New("worse")
	b.Reject(2, worse)
	b.Reject(0, bad)
	want := []bus.Rejected{{Message: b.Messages[2], Reason: worse}, {Message: b.Messages[0], Reason: bad}}
	if diff := cmp.Diff(want, b.Rejected(), cmpopts.EquateErrors()); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
	if n := len(b.Messages); n != 3 {
		t.Errorf("%d messages left, want all 3", n)
	}
}
