package discovery

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRef is returned by ParseRef for a text that names no discovery.
var ErrRef = errors.New("not a discovery (name or name:parameter)")

// Ref selects a discovery and says what it shall list.
type Ref struct {
	Name  string // of a Plugin
	Param string // what follows the colon, "" when there is nothing
}

// ParseRef reads "name" or "name:param". As in Ceilometer, which reads a URL here,
// "name://param" is the same as "name:param", and "name:" the same as "name".
func ParseRef(s string) (Ref, error) {
	name, param, _ := strings.Cut(s, ":")
	if name == "" || strings.ContainsAny(name, " \t\r\n/") {
		return Ref{}, fmt.Errorf("%q: %w", s, ErrRef)
	}
	return Ref{name, strings.TrimPrefix(param, "//")}, nil
}

// String is the form that ParseRef reads.
func (r Ref) String() string {
	switch {
	case r.Param == "":
		return r.Name
	case strings.HasPrefix(r.Param, "//"):
		return r.Name + "://" + r.Param
	}
	return r.Name + ":" + r.Param
}
