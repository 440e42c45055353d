package partition_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
)

func TestNewView(t *testing.T) {
	a, b, draining := partition.Member{ID: "a", Weight: 1}, partition.Member{ID: "b", Weight: 2}, partition.Member{ID: "b"}
	at := func(address string) partition.Member { return partition.Member{ID: "a", Weight: 1, Address: address} }
	for _, tc := range []struct {
		name string
		in   []partition.Member
		want []partition.Member
		err  string
	}{
		{name: "nobody"},
		{name: "sorted", in: []partition.Member{b, a}, want: []partition.Member{a, b}},
		{name: "duplicates", in: []partition.Member{a, b, a, a}, want: []partition.Member{a, b}},
		{name: "draining counts", in: []partition.Member{b, a, draining}, want: []partition.Member{a, draining}},
		{name: "draining counts in any order", in: []partition.Member{draining, a, b}, want: []partition.Member{a, draining}},
		{name: "other scripts and spaces", in: []partition.Member{{ID: "knoten 7 ü"}}, want: []partition.Member{{ID: "knoten 7 ü"}}},
		{name: "empty id", in: []partition.Member{a, {}}, err: "checking member: id is empty"},
		{name: "line break", in: []partition.Member{{ID: "a\nb"}}, err: `checking member "a\nb": id is not printable`},
		{name: "zero byte", in: []partition.Member{{ID: "a\x00"}}, err: `checking member "a\x00": id is not printable`},
		{name: "not utf-8", in: []partition.Member{{ID: "\xff"}}, err: `checking member "\xff": id is not printable`},
		{name: "negative weight", in: []partition.Member{{ID: "a", Weight: -1}}, err: `checking member "a": weight -1 is negative`},
		{name: "largest weight", in: []partition.Member{{ID: "a", Weight: 100}}, want: []partition.Member{{ID: "a", Weight: 100}}},
		{name: "weight too large", in: []partition.Member{{ID: "a", Weight: 101}}, err: `checking member "a": weight 101, want at most 100`},
		{name: "address", in: []partition.Member{b, at("http://a:8080")}, want: []partition.Member{at("http://a:8080"), b}},
		{name: "some address counts", in: []partition.Member{at(""), at("http://a:8080"), at("")}, want: []partition.Member{at("http://a:8080")}},
		{name: "one address counts", in: []partition.Member{at("http://a:2"), at("http://a:1")}, want: []partition.Member{at("http://a:2")}},
		{name: "one address counts in any order", in: []partition.Member{at("http://a:1"), at("http://a:2")}, want: []partition.Member{at("http://a:2")}},
		{name: "tab in address", in: []partition.Member{at("http://a\tb")}, err: `checking member "a": address "http://a\tb" is not printable`},
		{name: "line break in address", in: []partition.Member{at("http://a\n")}, err: `checking member "a": address "http://a\n" is not printable`},
		{name: "address not utf-8", in: []partition.Member{at("http://\xff")}, err: `checking member "a": address "http://\xff" is not printable`},
		{name: "all faults at once", in: []partition.Member{{}, {ID: "\t"}}, err: "checking member: id is empty\nchecking member \"\\t\": id is not printable"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := append([]partition.Member(nil), tc.in...)
			got, err := partition.NewView(7, tc.in...)
			if diff := cmp.Diff(before, tc.in); diff != "" {
				t.Errorf("the caller's list changed (-before +after):\n%s", diff)
			}
			if tc.err != "" {
				if err == nil || err.Error() != tc.err {
					t.Fatalf("error %v, want %s", err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(partition.View{Epoch: 7, Members: tc.want}, got); diff != "" {
				t.Errorf("view (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNewRingRefusesUnusableMembers(t *testing.T) {
	_, err := partition.NewRing(partition.View{Members: []partition.Member{{ID: "a", Weight: 1}, {}}}, partition.DefaultSettings())
	if err == nil || !strings.Contains(err.Error(), "id is empty") {
		t.Errorf("error %v, want one about the empty id", err)
	}
}
