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

// quotedNames are the names as they stand on the wire.
func quotedNames() [keyCount]string {
	return [keyCount]string{
		`"source"`, `"counter_name"`, `"counter_type"`, `"counter_unit"`, `"counter_volume"`,
		`"user_id"`, `"user_name"`, `"project_id"`, `"project_name"`, `"resource_id"`, `"timestamp"`,
		`"resource_metadata"`, `"message_id"`, `"monotonic_time"`, `"message_signature"`,
	}
}

func (k key) String() string { return unquote(quotedNames()[k]) }

// find is the key of a quoted name, keyCount when it has none.
func find(quoted string) key {
	name := unquote(quoted)
	for k, each := range quotedNames() {
		if each[1:len(each)-1] == name {
			return key(k)
		}
	}
	return keyCount
}
