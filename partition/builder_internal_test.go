package partition

import (
	"fmt"
	"strings"
	"testing"
)

func viewOf(weights ...int) View {
	v := View{Epoch: 1}
	for i, weight := range weights {
		v.Members = append(v.Members, Member{ID: fmt.Sprintf("worker-%d", i), Weight: weight})
	}
	return v
}

func mustBuild(t *testing.T, b *Builder, v View) *Ring {
	t.Helper()
	r, err := b.Ring(v)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestWhatIsBuilt is about cost, which the rings that come out do not show.
func TestWhatIsBuilt(t *testing.T) {
	b, err := NewBuilder(Settings{Partitions: 1009, ReplicationFactor: 10, LargeReplicationFactor: 2, Load: 1.25})
	if err != nil {
		t.Fatal(err)
	}
	same := func(a, b *Ring) bool { return &a.owners[0] == &b.owners[0] }
	many := make([]int, 299)
	for i := range many {
		many[i] = 1
	}
	first := mustBuild(t, b, viewOf(many...))
	circle := b.circle

	v := viewOf(many...)
	v.Epoch, v.Members[3].Address = 2, "http://moved:8080"
	moved := mustBuild(t, b, v)
	if !same(first, moved) {
		t.Error("another epoch and address: table was built again")
	}
	if moved.View().Epoch != 2 || moved.Counts()["worker-3"] == 0 {
		t.Errorf("another epoch and address: epoch %d, worker-3 owns %d", moved.View().Epoch, moved.Counts()["worker-3"])
	}
	for p := range moved.Owned("worker-3") {
		if m, _ := moved.Owner(p); m != v.Members[3] {
			t.Errorf("another epoch and address: owner of %d is %v, want %v", p, m, v.Members[3])
		}
	}
	if !same(first, mustBuild(t, b, viewOf(append(many, 0)...))) {
		t.Error("a draining member: table was built again")
	}

	mustBuild(t, b, viewOf(append(many, 1)...))
	mustBuild(t, b, viewOf(many[1:]...))
	mustBuild(t, b, viewOf(many[2:]...))
	if b.circle != circle {
		t.Error("small changes: circle was built again")
	}
	if !same(first, mustBuild(t, b, viewOf(many...))) {
		t.Errorf("one of the last %d tables was built again", keep)
	}

	mustBuild(t, b, viewOf(append(many, 1, 1)...)) // large
	large := b.circle
	if large == circle {
		t.Error("301 places: circle of 300 was kept")
	}
	mustBuild(t, b, viewOf(append(many, 1, 1, 1)...))
	if b.circle != large {
		t.Error("302 places: circle was built again")
	}
	mustBuild(t, b, viewOf(100, 100, 100, 100))
	if b.circle == large {
		t.Error("other members: circle was changed one by one")
	}
	if len(b.recent) > keep {
		t.Errorf("%d rings are remembered, want %d", len(b.recent), keep)
	}
}

// TestLibraryPanics cannot be done from outside: no input is known that makes it panic.
func TestLibraryPanics(t *testing.T) {
	s := DefaultSettings()
	b, err := NewBuilder(s)
	if err != nil {
		t.Fatal(err)
	}
	good := mustBuild(t, b, viewOf(1, 1, 1, 1, 1))
	before := good.Digest()

	b.circle.ring = nil // any change panics
	six := viewOf(1, 1, 1, 1, 1, 1)
	if !b.circle.cheap(places(six.Members)) {
		t.Fatal("the broken circle would not be asked")
	}
	want, err := NewRing(six, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := mustBuild(t, b, six); got.Digest() != want.Digest() {
		t.Errorf("after a panic the table is %s, want %s", got.Digest(), want.Digest())
	}

	b.circle.ring = nil
	b.settings.Load = 0.5 // no room for all partitions: a new circle panics too
	_, err = b.Ring(viewOf(1, 1, 1, 1))
	if err == nil || !strings.HasPrefix(err.Error(), "building ring of epoch 1 for 4 members: distributing partitions: not enough room") {
		t.Errorf("error %v, want one about the panic", err)
	}
	if b.circle != nil {
		t.Error("a circle that may be half changed was kept")
	}
	b.settings.Load = s.Load
	mustBuild(t, b, viewOf(1, 1, 1))
	if good.Digest() != before {
		t.Error("an earlier ring has changed")
	}
}
