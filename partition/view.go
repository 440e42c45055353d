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

// NewView makes the view of an epoch: members sorted by ID, each ID once. When an ID is
// listed more than once its smallest weight counts, so that neither the order of the list
// nor a stale copy of a member brings a draining one back. members is not changed.
//
// All unusable members are reported in one error: an ID must be printable UTF-8 and not
// empty, a weight must not be negative.
func NewView(epoch uint64, members ...Member) (View, error) {
	var errs []error
	for _, m := range members {
		errs = append(errs, m.validate())
	}
	if err := errors.Join(errs...); err != nil {
		return View{}, err
	}
	sorted := slices.SortedFunc(slices.Values(members), func(a, b Member) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), cmp.Compare(a.Weight, b.Weight))
	})
	sorted = slices.CompactFunc(sorted, func(a, b Member) bool { return a.ID == b.ID })
	return View{Epoch: epoch, Members: sorted}, nil
}

func (m Member) validate() error {
	switch {
	case m.ID == "":
		return errors.New("checking member: id is empty")
	case !utf8.ValidString(m.ID) || strings.ContainsFunc(m.ID, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("checking member %q: id is not printable", m.ID)
	case m.Weight < 0:
		return fmt.Errorf("checking member %q: weight %d is negative", m.ID, m.Weight)
	}
	return nil
}
