package metering

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
)

// ErrSignature is returned by Verify for a message whose signature is missing or not the
// one that the secret gives.
var ErrSignature = errors.New("message signature is wrong")

// Signer signs samples as Ceilometer does: HMAC-SHA256 over the flattened message.
// It is not safe for concurrent use: make one per goroutine.
//
// It remembers the last metadata, because the meters of one resource come one after the
// other and share it; that keeps the memory the metadata is part of.
type Signer struct {
	mac      hash.Hash // nil without a secret
	message  []byte
	digest   [sha256.Size]byte
	hex      [2 * sha256.Size]byte
	generic  flattener
	metadata flattener // its text is that of the last metadata
	last     Metadata
}

// NewSigner makes a Signer for [publisher]telemetry_secret; an empty secret leaves
// samples unsigned.
func NewSigner(secret string) *Signer {
	g := &Signer{}
	if secret != "" {
		g.mac = hmac.New(sha256.New, []byte(secret))
		g.metadata.path = []byte("resource_metadata:")
	}
	return g
}

// Sign sets s.Signature.
func (g *Signer) Sign(s *Sample) { g.SignAs(s, "") }

// SignAs is Sign for a message that is sent with a publisher_id, which the signature
// covers; see AppendMsgpack.
func (g *Signer) SignAs(s *Sample, publisherID string) {
	if g.mac == nil {
		s.Signature = ""
		return
	}
	if s.Extra == "" {
		g.flatten(s, publisherID)
		s.Signature = string(g.sum(g.message))
		return
	}
	message := *s
	if publisherID != "" {
		message.Extra += `,"publisher_id":` + string(appendQuoted(nil, publisherID))
	}
	g.message = message.AppendJSON(g.message[:0])
	s.Signature = string(g.signature(string(g.message)))
}

// flatten writes what flattener makes of a sample without Extra.
func (g *Signer) flatten(s *Sample, publisherID string) {
	if g.last != s.Metadata {
		g.metadata.text = g.metadata.text[:0]
		g.metadata.object(s.Metadata.object())
		g.last = s.Metadata
	}
	b := appendPair(g.message[:0], "counter_name", s.Name)
	b = appendPair(b, "counter_type", s.Type.String())
	b = appendPair(b, "counter_unit", s.Unit)
	b = s.Volume.AppendText(append(b, "counter_volume"...))
	b = appendPair(b, "message_id", s.ID)
	b = s.MonotonicTime.AppendText(append(b, "monotonic_time"...))
	b = appendTextPair(b, "project_id", s.ProjectID)
	b = appendTextPair(b, "project_name", s.ProjectName)
	if publisherID != "" {
		b = appendPair(b, "publisher_id", publisherID)
	}
	b = appendPair(b, "resource_id", s.ResourceID)
	b = append(b, g.metadata.text...)
	b = appendPair(b, "source", s.Source)
	b = appendPair(b, "timestamp", s.Timestamp)
	b = appendTextPair(b, "user_id", s.UserID)
	g.message = appendTextPair(b, "user_name", s.UserName)
}

func appendPair(dst []byte, name, value string) []byte {
	return append(append(dst, name...), validText(value)...)
}

func appendTextPair(dst []byte, name string, value Text) []byte {
	if value.IsNull() {
		return append(append(dst, name...), "None"...)
	}
	return appendPair(dst, name, value.s)
}

// signature is that of a well-formed message object, valid until the next call.
func (g *Signer) signature(message string) []byte {
	g.generic.text = g.generic.text[:0]
	g.generic.object(message)
	return g.sum(g.generic.text)
}

func (g *Signer) sum(text []byte) []byte {
	g.mac.Reset()
	_, _ = g.mac.Write(text) // a hash never fails
	hex.Encode(g.hex[:], g.mac.Sum(g.digest[:0]))
	return g.hex[:]
}

// Verify checks the signature of a raw JSON message against the secret of g. Every member
// counts, known or not, so messages of older and newer senders verify as they are; a
// decoded sample written again need not. Without a secret everything is accepted.
// The error is ErrSignature, or another one when message is no JSON object.
func (g *Signer) Verify(message string) error {
	if g.mac == nil {
		return nil
	}
	r := reader{text: validText(message)}
	if r.space(); r.next() != '{' {
		return errors.New("verifying message: not an object")
	}
	object, given := r.text[r.pos:], ""
	var ok bool
	r.pos, ok = walkObject(r.text, r.pos, maxDepth, func(key, value string) bool {
		if unquote(key) == "message_signature" {
			given = ""
			if value[0] == '"' {
				given = unquote(value)
			}
		}
		return true
	})
	if !ok || r.end() != nil {
		return r.malformed()
	}
	if !hmac.Equal([]byte(given), g.signature(object)) {
		return ErrSignature
	}
	return nil
}

// Verify checks one message; who has many makes a Signer with the secret.
func Verify(message, secret string) error { return NewSigner(secret).Verify(message) }
