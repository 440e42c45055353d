package partitiontest

import (
	"context"
	"slices"
	"testing"

	"github.com/ringmeter/ringmeter/partition"
)

// await waits until the view holds exactly the given members.
func await(t *testing.T, m partition.Membership, ids ...string) partition.View {
	t.Helper()
	awaitThat(t, m, func() bool { return slices.Equal(memberIDs(m.Ring().View()), ids) }, func() {
		t.Fatalf("members are %v, want %v", memberIDs(m.Ring().View()), ids)
	})
	return m.Ring().View()
}

// awaitMode waits until the member stands to its group like that.
func awaitMode(t *testing.T, m partition.Membership, mode partition.Mode) {
	t.Helper()
	awaitThat(t, m, func() bool { return m.State().Mode == mode }, func() {
		t.Fatalf("state is %+v, want %v", m.State(), mode)
	})
}

func awaitThat(t *testing.T, m partition.Membership, met func() bool, otherwise func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		changed := m.Changed() // before looking, or a change between the two is missed
		if met() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			otherwise()
			return
		}
	}
}

func memberIDs(v partition.View) []string {
	var ids []string
	for _, m := range v.Members {
		ids = append(ids, m.ID)
	}
	return ids
}
