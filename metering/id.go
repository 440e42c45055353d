package metering

import (
	"encoding/binary"
	"encoding/hex"

	"github.com/cespare/xxhash/v2"
)

// SampleID is the deterministic id of a polled sample: a 128-bit hash formatted as a
// UUID, so that a repeated poll of one cycle has the same ids. n counts samples of one
// meter and resource within a poll, from 0.
//
// The UUID is of version 8, the one for hashes of one's own: two xxhash64 digests with
// the seeds 0 and 1 over the fields, each text after its length, numbers as 64 bits, all
// little-endian. Ids must not change between releases, or a rolling upgrade doubles samples.
func SampleID(source, resource, meter string, cycle int64, n int) string {
	fields := make([]byte, 0, 256) // on the stack unless it grows
	for _, s := range [...]string{source, resource, meter} {
		fields = append(binary.LittleEndian.AppendUint64(fields, uint64(len(s))), s...)
	}
	fields = binary.LittleEndian.AppendUint64(fields, uint64(cycle))
	fields = binary.LittleEndian.AppendUint64(fields, uint64(n))
	var seeded xxhash.Digest
	seeded.ResetWithSeed(1)
	_, _ = seeded.Write(fields) // never fails
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], xxhash.Sum64(fields))
	binary.BigEndian.PutUint64(id[8:], seeded.Sum64())
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	var text [36]byte
	hex.Encode(text[0:8], id[0:4])
	hex.Encode(text[9:13], id[4:6])
	hex.Encode(text[14:18], id[6:8])
	hex.Encode(text[19:23], id[8:10])
	hex.Encode(text[24:36], id[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
