package metering

// key is a member of the message form that a Sample has a field for.
type key uint8

const (
	keySource key = iota
	keyName
	keyType
	keyUnit
	keyVolume
	keyUserID
	keyUserName
	keyProjectID
	keyProjectName
	keyResource
	keyTimestamp
	keyMetadata
	keyID
	keyMonotonic
	keySignature
	keyCount // how many there are; also: none of them
)

// keyNames are the names on the wire.
func keyNames() [keyCount]string {
	return [keyCount]string{
		"source", "counter_name", "counter_type", "counter_unit", "counter_volume",
		"user_id", "user_name", "project_id", "project_name", "resource_id", "timestamp",
		"resource_metadata", "message_id", "monotonic_time", "message_signature",
	}
}

func (k key) String() string { return keyNames()[k] }

// find is the key of a quoted name, keyCount when it has none. Messages keep the order of
// the table mostly, so the key after the last one found is a good guess.
func find(names *[keyCount]string, quoted string, guess key) key {
	if guess < keyCount && quoted[1:len(quoted)-1] == names[guess] {
		return guess
	}
	name := unquote(quoted)
	for k := range keyCount {
		if names[k] == name {
			return k
		}
	}
	return keyCount
}
