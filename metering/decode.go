package metering

import (
	"errors"
	"fmt"
	"strings"
)

// DecodeSample reads one sample in message form, by the rules of [DecodeBatch].
func DecodeSample(message string) (Sample, error) {
	r := newSampleReader(message)
	var s Sample
	r.space()
	err := r.scan()
	if err == nil {
		err = r.end()
	}
	if err == nil {
		err = r.fill(&s)
	}
	if err != nil {
		return Sample{}, fmt.Errorf("sample: %w", err)
	}
	return s, nil
}

// sampleReader reads samples in two steps: in scan a fault is one of the JSON, after
// which there is nothing to go on with; in fill it is one of this sample alone.
type sampleReader struct {
	reader
	object bool             // what was scanned is an object:
	raw    [keyCount]string // its raw values, "" for a missing key
	quoted [keyCount]string // the names as they stand in a message
	extra  []byte           // its other members

	// known is an object that has been skipped before, from its first byte to its last:
	// text that begins with it need not be looked at again. The meters of one resource
	// follow each other and have the same metadata, which is most of a message.
	known string
}

func newSampleReader(text string) sampleReader {
	return sampleReader{reader: reader{text: validText(text)}, quoted: quotedNames()}
}

// scan reads the value at pos and moves past it.
func (r *sampleReader) scan() error {
	r.object = r.next() == '{'
	if !r.object {
		return r.skip()
	}
	clear(r.raw[:])
	r.extra = r.extra[:0]
	guess := key(0) // messages keep the order of the table mostly
	for more := r.open('}'); more; {
		from, k := r.pos, guess
		if k < keyCount && strings.HasPrefix(r.text[r.pos:], r.quoted[k]) {
			r.pos += len(r.quoted[k])
		} else {
			if r.next() != '"' || !r.moved(skipString(r.text, r.pos)) {
				return r.malformed()
			}
			k = find(r.text[from:r.pos])
		}
		name := r.text[from:r.pos]
		if r.space(); r.next() != ':' {
			return r.malformed()
		}
		r.pos++
		r.space()
		from = r.pos
		if err := r.skipMember(); err != nil {
			return err
		}
		value := r.text[from:r.pos]
		if k < keyCount {
			r.raw[k], guess = value, k+1
		} else {
			if len(r.extra) > 0 {
				r.extra = append(r.extra, ',')
			}
			r.extra = append(append(append(r.extra, name...), ':'), value...)
		}
		var err error
		if more, err = r.more('}'); err != nil {
			return err
		}
	}
	return nil
}

// skipMember moves past the value of a member.
func (r *sampleReader) skipMember() error {
	if r.next() != '{' {
		if !r.moved(skipValue(r.text, r.pos, maxDepth-1)) {
			return r.malformed()
		}
		return nil
	}
	if r.known != "" && strings.HasPrefix(r.text[r.pos:], r.known) {
		r.pos += len(r.known)
		return nil
	}
	from := r.pos
	if !r.moved(skipValue(r.text, r.pos, maxDepth-1)) {
		return r.malformed()
	}
	r.known = r.text[from:r.pos]
	return nil
}

// moved goes to where a skip function has come.
func (r *sampleReader) moved(pos int, ok bool) bool {
	r.pos = pos
	return ok
}

// fill makes a sample of what scan has read.
func (r *sampleReader) fill(s *Sample) error {
	if !r.object {
		return errors.New("is not an object")
	}
	kind := ""
	for _, field := range [...]struct {
		key key
		dst *string
	}{
		{keyName, &s.Name}, {keyType, &kind}, {keyUnit, &s.Unit},
		{keyResource, &s.ResourceID}, {keyTimestamp, &s.Timestamp}, {keyID, &s.ID},
	} {
		t, err := r.optional(field.key)
		switch {
		case err != nil:
			return err
		case r.raw[field.key] == "":
			return fmt.Errorf("%s is missing", field.key)
		case t.IsNull():
			return fmt.Errorf("%s is null", field.key)
		}
		*field.dst = t.s
	}
	var source, signature Text
	for _, field := range [...]struct {
		key key
		dst *Text
	}{
		{keyUserID, &s.UserID}, {keyUserName, &s.UserName},
		{keyProjectID, &s.ProjectID}, {keyProjectName, &s.ProjectName},
		{keySource, &source}, {keySignature, &signature},
	} {
		t, err := r.optional(field.key)
		if err != nil {
			return err
		}
		*field.dst = t
	}
	s.Source, s.Signature, s.Extra = source.s, signature.s, string(r.extra)
	var err error
	if s.Type, err = ParseType(kind); err != nil {
		return fmt.Errorf("%s: %w", keyType, err)
	}
	if err := r.fillVolumes(s); err != nil {
		return err
	}
	return r.fillMetadata(s)
}

func (r *sampleReader) fillVolumes(s *Sample) (err error) {
	if r.raw[keyVolume] == "" {
		return fmt.Errorf("%s is missing", keyVolume)
	}
	if s.Volume, err = r.volume(keyVolume); err != nil {
		return err
	}
	s.MonotonicTime, err = r.volume(keyMonotonic)
	return err
}

func (r *sampleReader) fillMetadata(s *Sample) error {
	switch raw := r.raw[keyMetadata]; {
	case raw == "" || raw[0] == 'n':
	case raw[0] != '{':
		return fmt.Errorf("%s is not an object", keyMetadata)
	case skipSpace(raw, 1) < len(raw)-1: // {} is the empty Metadata
		s.Metadata = Metadata(raw)
	}
	return nil
}

// optional is a text that may be null; a missing one is.
func (r *sampleReader) optional(k key) (Text, error) {
	switch raw := r.raw[k]; {
	case raw == "" || raw[0] == 'n':
		return Text{}, nil
	case raw[0] == '"':
		return TextOf(unquote(raw)), nil
	}
	return Text{}, fmt.Errorf("%s is not text", k)
}

// volume is a number, also as text; a missing one is null.
func (r *sampleReader) volume(k key) (v Volume, err error) {
	raw := r.raw[k]
	if raw == "" {
		return Volume{}, nil
	}
	switch raw[0] {
	case 'n':
		return Volume{}, nil
	case 't':
		return Int(1), nil
	case 'f':
		return Int(0), nil
	case '"':
		raw = unquote(raw)
	}
	if v, err = ParseVolume(raw); err != nil {
		return Volume{}, fmt.Errorf("%s: %w", k, err)
	}
	return v, nil
}
