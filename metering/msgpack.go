package metering

import (
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"
)

// AppendMsgpack appends s in message form as msgpack, as the udp and tcp publishers
// send it; publisherID is added under publisher_id unless it is empty. A signature has
// to cover it: see [Signer.SignAs].
//
// The bytes are those of Python's msgpack with the binary type on. An integer of the
// metadata beyond 64 bits, for which msgpack has no form, is sent as its text.
func (s *Sample) AppendMsgpack(dst []byte, publisherID string) []byte {
	var extra []member
	if s.Extra != "" {
		extra = uniqueMembers("{" + s.Extra + "}")
	}
	if publisherID != "" {
		extra = without(extra, "publisher_id")
	}
	size := uint32(len(extra)) + 15
	if publisherID != "" {
		size++
	}
	dst = msgp.AppendMapHeader(dst, size)
	dst = appendPacked(dst, "source", s.Source)
	dst = appendPacked(dst, "counter_name", s.Name)
	dst = appendPacked(dst, "counter_type", s.Type.String())
	dst = appendPacked(dst, "counter_unit", s.Unit)
	dst = s.Volume.appendMsgpack(msgp.AppendString(dst, "counter_volume"))
	dst = appendPackedText(dst, "user_id", s.UserID)
	dst = appendPackedText(dst, "user_name", s.UserName)
	dst = appendPackedText(dst, "project_id", s.ProjectID)
	dst = appendPackedText(dst, "project_name", s.ProjectName)
	dst = appendPacked(dst, "resource_id", s.ResourceID)
	dst = appendPacked(dst, "timestamp", s.Timestamp)
	dst = packValue(msgp.AppendString(dst, "resource_metadata"), s.Metadata.object())
	dst = appendPacked(dst, "message_id", s.ID)
	dst = s.MonotonicTime.appendMsgpack(msgp.AppendString(dst, "monotonic_time"))
	dst = packMembers(dst, extra)
	if publisherID != "" {
		dst = appendPacked(dst, "publisher_id", publisherID)
	}
	return appendPacked(dst, "message_signature", s.Signature)
}

func without(ms []member, key string) []member {
	for i, m := range ms {
		if m.key == key {
			return append(ms[:i], ms[i+1:]...)
		}
	}
	return ms
}

func appendPacked(dst []byte, key, value string) []byte {
	return msgp.AppendString(msgp.AppendString(dst, key), validText(value))
}

func appendPackedText(dst []byte, key string, value Text) []byte {
	if value.IsNull() {
		return msgp.AppendNil(msgp.AppendString(dst, key))
	}
	return appendPacked(dst, key, value.s)
}

func (v Volume) appendMsgpack(dst []byte) []byte {
	switch v.kind {
	case signed:
		return packInt(dst, int64(v.bits))
	case unsigned:
		return msgp.AppendUint64(dst, v.bits)
	case float:
		return msgp.AppendFloat64(dst, math.Float64frombits(v.bits))
	case null:
	}
	return msgp.AppendNil(dst)
}

// packInt takes the unsigned forms for what is not negative, as Python does.
func packInt(dst []byte, v int64) []byte {
	if v >= 0 {
		return msgp.AppendUint64(dst, uint64(v))
	}
	return msgp.AppendInt64(dst, v)
}

// packValue appends a well-formed JSON value.
func packValue(dst []byte, raw string) []byte {
	switch raw[0] {
	case '"':
		return msgp.AppendString(dst, unquote(raw))
	case '{':
		ms := uniqueMembers(raw)
		return packMembers(msgp.AppendMapHeader(dst, uint32(len(ms))), ms)
	case '[':
		var values []string
		walkArray(raw, 0, maxDepth, func(value string) bool {
			values = append(values, value)
			return true
		})
		dst = msgp.AppendArrayHeader(dst, uint32(len(values)))
		for _, value := range values {
			dst = packValue(dst, value)
		}
		return dst
	case 't', 'f':
		return msgp.AppendBool(dst, raw[0] == 't')
	case 'n':
		return msgp.AppendNil(dst)
	}
	return packNumber(dst, raw)
}

func packMembers(dst []byte, ms []member) []byte {
	for _, m := range ms {
		dst = packValue(msgp.AppendString(dst, m.key), m.value)
	}
	return dst
}

func packNumber(dst []byte, raw string) []byte {
	if !isInteger(raw) {
		return msgp.AppendFloat64(dst, floatOf(raw))
	}
	if v, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return packInt(dst, v)
	}
	if v, err := strconv.ParseUint(raw, 10, 64); err == nil {
		return msgp.AppendUint64(dst, v)
	}
	return msgp.AppendString(dst, raw)
}
