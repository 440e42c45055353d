package publish

import (
	"strings"
	"unsafe"

	"github.com/ringmeter/ringmeter/metering"
)

// texts are the strings of a sample, null texts included as "".
func texts(s *metering.Sample, yield func(string)) {
	yield(s.Name)
	yield(s.Unit)
	yield(s.UserID.String())
	yield(s.UserName.String())
	yield(s.ProjectID.String())
	yield(s.ProjectName.String())
	yield(s.ResourceID)
	yield(s.Timestamp)
	yield(string(s.Metadata))
	yield(s.Source)
	yield(s.ID)
	yield(s.Signature)
	yield(s.Extra)
}

// sampleSize is the memory of one kept sample in bytes.
func sampleSize(s *metering.Sample) int {
	n := int(unsafe.Sizeof(*s))
	texts(s, func(t string) { n += len(t) })
	return n
}

// keepSamples copies items together with their texts, because those are parts of
// payloads that would otherwise stay in memory as long as one sample of them waits.
func keepSamples(items []metering.Sample) []metering.Sample {
	n := 0
	for i := range items {
		texts(&items[i], func(t string) { n += len(t) })
	}
	var b strings.Builder
	b.Grow(n)
	copied := func(t string) string {
		from := b.Len()
		b.WriteString(t) // never grows, so earlier parts stay where they are
		return b.String()[from:]
	}
	nullable := func(t metering.Text) metering.Text {
		if t.IsNull() {
			return t
		}
		return metering.TextOf(copied(t.String()))
	}
	kept := make([]metering.Sample, len(items))
	for i := range items {
		s := items[i]
		s.Name, s.Unit = copied(s.Name), copied(s.Unit)
		s.UserID, s.UserName = nullable(s.UserID), nullable(s.UserName)
		s.ProjectID, s.ProjectName = nullable(s.ProjectID), nullable(s.ProjectName)
		s.ResourceID, s.Timestamp = copied(s.ResourceID), copied(s.Timestamp)
		s.Metadata, s.Source = metering.Metadata(copied(string(s.Metadata))), copied(s.Source)
		s.ID, s.Signature, s.Extra = copied(s.ID), copied(s.Signature), copied(s.Extra)
		kept[i] = s
	}
	return kept
}
