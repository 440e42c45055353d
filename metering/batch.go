package metering

import (
	"errors"
	"fmt"
)

// AppendBatch appends the payload of a telemetry.polling notification,
// {"samples": [message form, …]}.
func AppendBatch(dst []byte, samples []Sample) []byte {
	dst = append(dst, `{"samples":[`...)
	for i := range samples {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = samples[i].AppendJSON(dst)
	}
	return append(dst, `]}`...)
}

// DecodeBatch reads such a payload into dst[:0]. Samples that cannot be read are left
// out and reported together in the error beside those that could: the error joins one
// error per such sample, up to a hundred, that starts with its index, as in "sample 3: ";
// one more, with a method Count() int, stands for the others.
// Where the payload stops being JSON, the samples before that are still returned.
//
// A payload is {"samples": […]} or the list alone, of samples in message form. A sample
// needs counter_name, counter_type, counter_unit, counter_volume, resource_id, timestamp
// and message_id; of these only the volume may be null. A volume is a number, a text
// that [ParseVolume] reads, or a boolean, which counts as 1 or 0. A member that appears
// twice has its last value. Bytes that are no UTF-8 and halves of surrogate pairs become
// U+FFFD.
//
// The strings of the samples are parts of payload and keep it in memory as long as any
// of them lives; only an escaped string is a copy.
func DecodeBatch(dst []Sample, payload string) ([]Sample, error) {
	dst = dst[:0]
	r := newSampleReader(payload)
	var bad faults
	err := r.lists(func() error {
		dst, bad = dst[:0], faults{}
		return r.elements(func(i int) error {
			if err := r.scan(); err != nil {
				return fmt.Errorf("sample %d: %w", i, err)
			}
			dst = append(dst, Sample{})
			if err := r.fill(&dst[len(dst)-1]); err != nil {
				dst = dst[:len(dst)-1]
				bad.add(fmt.Errorf("sample %d: %w", i, err))
			}
			return nil
		})
	})
	bad.add(err)
	return dst, bad.join()
}

// SplitBatch appends the raw text of every sample of a payload to dst[:0], for who
// verifies each before decoding it. The error is about the payload as a whole; what
// stands before the fault is still returned. The texts are parts of payload.
func SplitBatch(dst []string, payload string) ([]string, error) {
	dst = dst[:0]
	r := reader{text: validText(payload)}
	err := r.lists(func() error {
		dst = dst[:0]
		return r.elements(func(i int) error {
			from := r.pos
			if err := r.skip(); err != nil {
				return fmt.Errorf("sample %d: %w", i, err)
			}
			dst = append(dst, r.text[from:r.pos])
			return nil
		})
	})
	return dst, err
}

// faults collects the errors of a batch. It keeps a bounded number, because a payload of
// nothing but commas and zeros has as many as half its bytes.
type faults struct {
	kept []error
	more int
}

func (f *faults) add(err error) {
	const most = 100
	switch {
	case err == nil:
	case len(f.kept) < most:
		f.kept = append(f.kept, err)
	default:
		f.more++
	}
}

func (f *faults) join() error {
	if f.more > 0 {
		f.kept = append(f.kept, moreFaults(f.more))
	}
	return errors.Join(f.kept...)
}

// moreFaults are faults that are only counted.
type moreFaults int

func (m moreFaults) Error() string { return fmt.Sprintf("and %d more", int(m)) }

// Count is how many they are.
func (m moreFaults) Count() int { return int(m) }
