// Package metering holds what flows through Ringmeter: the [Sample], its exact [Volume]
// and raw [Metadata], its id and signature, and the forms it has outside the process.
//
// It promises:
//   - numbers stay exact: an integer is never rounded through a float, and one that no
//     Volume can hold is an error;
//   - a decoded message loses no key and no number when it is encoded again;
//   - text forms and signatures are those of Ceilometer, byte for byte where somebody
//     compares them: signed text, msgpack and Python text; JSON is equal in meaning;
//   - no input makes it panic or recurse without bound.
//
// It reads no configuration, does no input or output and starts no goroutine. All its
// types but [Signer] may be used from several goroutines as long as nobody writes.
//
// Decoding copies no text: the strings of a decoded Sample are parts of the payload and
// keep all of it in memory. Who keeps a few samples of a large batch for long clones
// what it keeps.
package metering
