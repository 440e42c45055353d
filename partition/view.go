package partition

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxWeight bounds what one mistyped weight does to the building of rings.
const maxWeight = 100

// NewView makes the view of an epoch: members sorted by ID, each ID once. When an ID is
// listed more than once its smallest weight counts, so that neither the order of the list
// nor a stale copy of a member brings a draining one back. members is not changed.
//
// All unusable members are reported in one error: an ID must be printable UTF-8 and not
// empty, an address printable UTF-8, a weight 0 to 100.
func NewView(epoch uint64, members ...Member) (View, error) {
	var errs []error
	for _, m := range members {
		if err := m.validate(); err != nil {
			errs = append(errs, err)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return View{}, err
	}
	sorted := slices.Clone(members)
	slices.SortFunc(sorted, func(a, b Member) int {
		// Addresses downwards: a copy that has one is better than a copy without.
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Weight, b.Weight), strings.Compare(b.Address, a.Address))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Member) bool { return a.ID == b.ID })
	return View{Epoch: epoch, Members: sorted}, nil
}

func (m Member) validate() error {
	switch {
	case m.ID == "":
		return errors.New("checking member: id is empty")
	case !printable(m.ID):
		return fmt.Errorf("checking member %q: id is not printable", m.ID)
	case m.Weight < 0:
		return fmt.Errorf("checking member %q: weight %d is negative", m.ID, m.Weight)
	case m.Weight > maxWeight:
		return fmt.Errorf("checking member %q: weight %d, want at most %d", m.ID, m.Weight, maxWeight)
	case !printable(m.Address):
		return fmt.Errorf("checking member %q: address %q is not printable", m.ID, m.Address)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
