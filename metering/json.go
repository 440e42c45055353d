package metering

// AppendJSON appends s in message form: the counter_* keys of the bus, signature included.
func (s *Sample) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"source":`...)
	dst = appendQuoted(dst, s.Source)
	dst = append(dst, `,"counter_name":`...)
	dst = appendQuoted(dst, s.Name)
	dst = append(dst, `,"counter_type":"`...)
	dst = append(dst, s.Type.String()...)
	dst = append(dst, `","counter_unit":`...)
	dst = appendQuoted(dst, s.Unit)
	dst = append(dst, `,"counter_volume":`...)
	dst = s.Volume.AppendJSON(dst)
	dst = s.appendCommon(dst)
	dst = append(dst, `,"message_id":`...)
	dst = appendQuoted(dst, s.ID)
	dst = append(dst, `,"monotonic_time":`...)
	dst = s.MonotonicTime.AppendJSON(dst)
	if s.Extra != "" {
		dst = append(append(dst, ','), s.Extra...)
	}
	dst = append(dst, `,"message_signature":`...)
	dst = appendQuoted(dst, s.Signature)
	return append(dst, '}')
}

// AppendObject appends s in object form: the attribute names (name, type, unit, …)
// that the file and http publishers write. It has neither signature nor Extra.
func (s *Sample) AppendObject(dst []byte) []byte {
	dst = append(dst, `{"name":`...)
	dst = appendQuoted(dst, s.Name)
	dst = append(dst, `,"type":"`...)
	dst = append(dst, s.Type.String()...)
	dst = append(dst, `","unit":`...)
	dst = appendQuoted(dst, s.Unit)
	dst = append(dst, `,"volume":`...)
	dst = s.Volume.AppendJSON(dst)
	dst = s.appendCommon(dst)
	dst = append(dst, `,"source":`...)
	dst = appendQuoted(dst, s.Source)
	dst = append(dst, `,"id":`...)
	dst = appendQuoted(dst, s.ID)
	dst = append(dst, `,"monotonic_time":`...)
	dst = s.MonotonicTime.AppendJSON(dst)
	return append(dst, '}')
}

// appendCommon appends the members that both forms have in the same place and name.
func (s *Sample) appendCommon(dst []byte) []byte {
	dst = append(dst, `,"user_id":`...)
	dst = appendText(dst, s.UserID)
	dst = append(dst, `,"user_name":`...)
	dst = appendText(dst, s.UserName)
	dst = append(dst, `,"project_id":`...)
	dst = appendText(dst, s.ProjectID)
	dst = append(dst, `,"project_name":`...)
	dst = appendText(dst, s.ProjectName)
	dst = append(dst, `,"resource_id":`...)
	dst = appendQuoted(dst, s.ResourceID)
	dst = append(dst, `,"timestamp":`...)
	dst = appendQuoted(dst, s.Timestamp)
	dst = append(dst, `,"resource_metadata":`...)
	return append(dst, s.Metadata.raw()...)
}

func appendText(dst []byte, t Text) []byte {
	if t.IsNull() {
		return append(dst, "null"...)
	}
	return appendQuoted(dst, t.s)
}
