package metering

import (
	"errors"
	"fmt"
)

// reader walks the outer levels of a payload without reading its samples.
type reader struct {
	text string
	pos  int
}

// lists calls visit at each sample list, to move past it. Of several the last counts,
// so a later call is to forget what an earlier one has brought.
func (r *reader) lists(visit func() error) error {
	r.space()
	switch r.next() {
	case '[':
		if err := visit(); err != nil {
			return err
		}
		return r.end()
	case '{':
	default:
		return errors.New("payload is neither an object nor a list")
	}
	found := false
	for more := r.open('}'); more; {
		key, err := r.key()
		if err != nil {
			return err
		}
		switch {
		case key != "samples":
			err = r.skip()
		case r.next() != '[':
			err = errors.New("samples is not a list")
		default:
			found = true
			err = visit()
		}
		if err != nil {
			return err
		}
		if more, err = r.more('}'); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("payload has no samples")
	}
	return r.end()
}

// elements calls visit at each element of the list at pos, to move past it.
func (r *reader) elements(visit func(i int) error) error {
	i := 0
	for more := r.open(']'); more; i++ {
		err := visit(i)
		if err != nil {
			return err
		}
		if more, err = r.more(']'); err != nil {
			return err
		}
	}
	return nil
}

// open enters a container and reports whether it holds anything.
func (r *reader) open(end byte) bool {
	r.pos++
	r.space()
	if r.next() == end {
		r.pos++
		return false
	}
	return true
}

// more moves on after an element and reports whether another one follows.
func (r *reader) more(end byte) (bool, error) {
	r.space()
	switch r.next() {
	case ',':
		r.pos++
		r.space()
		return true, nil
	case end:
		r.pos++
		return false, nil
	}
	return false, r.malformed()
}

// key reads a key and its colon.
func (r *reader) key() (string, error) {
	if r.next() != '"' {
		return "", r.malformed()
	}
	from := r.pos
	if err := r.skip(); err != nil {
		return "", err
	}
	key := unquote(r.text[from:r.pos])
	if r.space(); r.next() != ':' {
		return "", r.malformed()
	}
	r.pos++
	r.space()
	return key, nil
}

// skip moves past a value.
func (r *reader) skip() (err error) {
	var ok bool
	if r.pos, ok = skipValue(r.text, r.pos, maxDepth); !ok {
		return r.malformed()
	}
	return nil
}

// end is nil when nothing but space is left.
func (r *reader) end() error {
	if r.space(); r.pos < len(r.text) {
		return r.malformed()
	}
	return nil
}

func (r *reader) space() { r.pos = skipSpace(r.text, r.pos) }

// next is the byte at pos, or 0 at the end.
func (r *reader) next() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

func (r *reader) malformed() error {
	return fmt.Errorf("malformed or too deeply nested JSON at byte %d", r.pos)
}
