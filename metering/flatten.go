package metering

// flattener writes messages as the text that is signed: for each value its path of keys,
// joined by colons, then its text, nothing in between; keys sorted at every level. Maps
// are flattened, lists are one value. It keeps its buffers, so that it allocates only
// for lists with maps and for keys with escapes.
type flattener struct {
	text  []byte
	path  []byte
	stack []member // of the objects being flattened, outermost first
}

// object appends the pairs of a well-formed object. Of a whole message, which has no
// path yet, the signature is left out.
func (f *flattener) object(raw string) {
	from, whole := len(f.stack), len(f.path) == 0
	f.stack = appendMembers(f.stack, raw)
	f.stack = f.stack[:from+len(sortMembers(f.stack[from:]))]
	for i := from; i < len(f.stack); i++ {
		m := f.stack[i]
		switch {
		case m.value[0] == '{':
			level := len(f.path)
			f.path = append(append(f.path, m.key...), ':')
			f.object(m.value)
			f.path = f.path[:level]
			continue
		case whole && m.key == "message_signature":
			continue
		}
		f.text = append(append(f.text, f.path...), m.key...)
		switch m.value[0] {
		case '"':
			f.text = appendUnquoted(f.text, m.value)
		case '[':
			f.text = python{repr: appendBytesRepr, sort: true}.appendValue(f.text, m.value)
		default:
			f.text = appendScalar(f.text, m.value)
		}
	}
	f.stack = f.stack[:from]
}
