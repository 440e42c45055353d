package metering_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

const defaultSecret = "change this for valid signing"

// vector is what Ceilometer signs; the digests below are its own.
const vector = `{"source":"openstack","counter_name":"cpu","counter_type":"cumulative","counter_unit":"ns","counter_volume":%s,` +
	`"user_id":"u1","user_name":null,"project_id":"p1","project_name":null,"resource_id":"r1","timestamp":"2026-01-01T00:00:00",` +
	`"resource_metadata":{"b":"x","a":{"n":1},"tags":["t1","t2"],"e":{}},"message_id":"11111111-1111-1111-1111-111111111111",` +
	`"monotonic_time":%s,"message_signature":"%s"}`

func TestSignatureVectors(t *testing.T) {
	for _, tt := range []struct{ volume, monotonic, secret, want string }{
		{"1000", "null", defaultSecret, "96aadfd934a7258e65e478e193b6d0a1b680cdd72f5786b3051b96d738aa1d5b"},
		{"1.5", "12.25", "s3cret", "332902154454ba647e6f457b5d24d6c2f836f2ae24b9daaf319919c90c2f51c1"},
	} {
		message := fmt.Sprintf(vector, tt.volume, tt.monotonic, tt.want)
		s, err := metering.DecodeSample(message)
		if err != nil {
			t.Fatal(err)
		}
		s.Signature = "old"
		if metering.NewSigner(tt.secret).Sign(&s); s.Signature != tt.want {
			t.Errorf("signature is %s, want %s", s.Signature, tt.want)
		}
		if err := metering.Verify(message, tt.secret); err != nil {
			t.Error(err)
		}
		if err := metering.Verify(message, tt.secret+"x"); !errors.Is(err, metering.ErrSignature) {
			t.Errorf("with another secret: %v", err)
		}
	}
}

func TestVerifyGolden(t *testing.T) {
	for _, name := range []string{"message.json", "newton.json"} {
		message := golden(t, name)
		if err := metering.Verify(message, defaultSecret); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := metering.Verify(strings.Replace(message, `"swap"`, `"swaq"`, 1), defaultSecret); !errors.Is(err, metering.ErrSignature) {
			t.Errorf("%s, changed: %v", name, err)
		}
	}
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name, message, secret string
		want                  error // nil, ErrSignature, or another one for errors.New
	}{
		{"no secret accepts all", `{"message_signature":"x"}`, "", nil},
		{"no secret accepts what is no message", `{`, "", nil},
		{"no signature", `{"a":1}`, "s", metering.ErrSignature},
		{"empty signature", `{"message_signature":""}`, "s", metering.ErrSignature},
		{"null signature", `{"message_signature":null}`, "s", metering.ErrSignature},
		{"signature is a list", `{"message_signature":[]}`, "s", metering.ErrSignature},
		{"signature is not ASCII", `{"message_signature":"é"}`, "s", metering.ErrSignature},
		{"signature is not UTF-8", "{\"message_signature\":\"\xff\"}", "s", metering.ErrSignature},
		{"empty message", `{"message_signature":"` + signEmpty + `"}`, "s", nil},
		{"space around", ` { "message_signature" : "` + signEmpty + `" } `, "s", nil},
		{"upper case", `{"message_signature":"` + strings.ToUpper(signEmpty) + `"}`, "s", metering.ErrSignature},
		{"last signature counts", `{"message_signature":"` + signEmpty + `","message_signature":"x"}`, "s", metering.ErrSignature},
		{"earlier signature is not signed", `{"message_signature":["x"],"message_signature":"` + signEmpty + `"}`, "s", nil},
		{"not an object", `[]`, "s", errors.New("")},
		{"nothing", ``, "s", errors.New("")},
		{"truncated", `{"a":`, "s", errors.New("")},
		{"text behind", `{}{}`, "s", errors.New("")},
	} {
		err := metering.Verify(tt.message, tt.secret)
		if (err == nil) != (tt.want == nil) || errors.Is(err, metering.ErrSignature) != errors.Is(tt.want, metering.ErrSignature) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// signEmpty is the HMAC of nothing with the secret "s".
const signEmpty = "64eca07cce67929c357d63d0a4aec207e774800403298914fc04e88ce02ac49f"

// Each message is signed as another one that flattens to the same text.
func TestSignedTextIsEqual(t *testing.T) {
	sign := func(extra string) string {
		s := metering.Sample{Type: metering.Gauge, Extra: extra}
		metering.NewSigner("s").Sign(&s)
		return s.Signature
	}
	for _, tt := range [][2]string{
		{`"x":null`, `"x":"None"`},
		{`"x":true,"y":false`, `"y":"False","x":"True"`},
		{`"x":1.50`, `"x":"1.5"`},
		{`"x":1e5`, `"x":"100000.0"`},
		{`"x":-0`, `"x":"0"`},
		{`"x":-0.0`, `"x":"-0.0"`},
		{`"x":1E400`, `"x":"inf"`},
		{`"x":-Infinity`, `"x":"-inf"`},
		{`"x":NaN`, `"x":"nan"`},
		{`"x":123456789012345678901234567890`, `"x":"123456789012345678901234567890"`},
		{`"x":{}`, `"x":{"y":{}}`},
		{`"x":{"a":1}`, `"x:a":1`},
		{`"x":{"b":2,"a":{"c":1}}`, `"x:a:c":1,"x:b":2`},
		{`"x":1,"x":2`, `"x":2`},
		{`"\u0078":"\u00e9"`, `"x":"é"`},
		{`"x":[]`, `"x":"[]"`},
		{`"x":["a",1,2.0,null,true,[],{}]`, `"x":"[b'a', 1, 2.0, None, True, [], {}]"`},
		{`"x":["it's","\"'","\\\n\r\t\u0001\u007fé"]`, `"x":"[b\"it's\", b'\"\\'', b'\\\\\\n\\r\\t\\x01\\x7f\\xc3\\xa9']"`},
		{`"x":[{"b":"y","a":{"d":1,"c":[]},"b":"z"}]`, `"x":"[{b'a': {b'c': [], b'd': 1}, b'b': b'z'}]"`},
	} {
		if sign(tt[0]) != sign(tt[1]) {
			t.Errorf("%s is not signed as %s", tt[0], tt[1])
		}
		if sign(tt[0]) == sign(`"other":1`) {
			t.Errorf("%s is not signed at all", tt[0])
		}
	}
}

func TestEmptySecretLeavesUnsigned(t *testing.T) {
	s := metering.Sample{Signature: "old"}
	if metering.NewSigner("").Sign(&s); s.Signature != "" {
		t.Errorf("signature is %q", s.Signature)
	}
}

func TestSignedMessagesVerify(t *testing.T) {
	signer, verifier := metering.NewSigner(defaultSecret), metering.NewSigner(defaultSecret)
	rapid.Check(t, func(t *rapid.T) {
		s := genSample().Draw(t, "sample")
		signer.Sign(&s)
		if err := verifier.Verify(string(s.AppendJSON(nil))); err != nil {
			t.Fatal(err)
		}
		decoded, err := metering.DecodeSample(string(s.AppendJSON(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if metering.NewSigner(defaultSecret).Sign(&decoded); decoded.Signature != s.Signature {
			t.Fatalf("decoded sample is signed %s, was %s", decoded.Signature, s.Signature)
		}
		published := s
		signer.SignAs(&published, "it's \"me\"")
		published.Extra = strings.TrimPrefix(s.Extra+`,"publisher_id":"it's \"me\""`, ",")
		if err := verifier.Verify(string(published.AppendJSON(nil))); err != nil {
			t.Fatal("with publisher_id:", err)
		}
	})
}

func TestChangedMessagesDoNotVerify(t *testing.T) {
	signer := metering.NewSigner(defaultSecret)
	rapid.Check(t, func(t *rapid.T) {
		s := genSample().Draw(t, "sample")
		metadata := genMap(2).Draw(t, "metadata")
		s.Metadata = metering.MetadataOf(metadata)
		signer.Sign(&s)
		text := func(v *metering.Text) func() { return func() { *v = metering.TextOf(v.String() + "x") } }
		changes := []func(){
			func() { s.Name += "x" }, func() { s.Unit += "x" }, func() { s.ResourceID += "x" },
			func() { s.Timestamp += "x" }, func() { s.Source += "x" }, func() { s.ID += "x" },
			func() { s.Type = s.Type%3 + 1 },
			func() { s.Volume = other(s.Volume) }, func() { s.MonotonicTime = other(s.MonotonicTime) },
			text(&s.UserID), text(&s.UserName), text(&s.ProjectID), text(&s.ProjectName),
			func() { s.Extra = strings.TrimPrefix(s.Extra+`,"more":1`, ",") },
			func() { s.Signature = s.Signature[1:] + "0" },
			func() { s.Signature += "\u0000" },
		}
		for key := range metadata {
			changes = append(changes, func() { metadata[key] = "changed"; s.Metadata = metering.MetadataOf(metadata) })
			break
		}
		rapid.SampledFrom(changes).Draw(t, "change")()
		if err := metering.Verify(string(s.AppendJSON(nil)), defaultSecret); !errors.Is(err, metering.ErrSignature) {
			t.Fatalf("changed to %+v: %v", s, err)
		}
	})
}

func other(v metering.Volume) metering.Volume {
	if v == metering.Int(1) {
		return metering.Int(2)
	}
	return metering.Int(1)
}

func TestSigningAllocatesTheSignatureOnly(t *testing.T) {
	s := sampleOf(1)
	other := sampleOf(2).Metadata
	signer := metering.NewSigner(defaultSecret)
	if n := testing.AllocsPerRun(100, func() {
		signer.Sign(&s)
		s.Metadata, other = other, s.Metadata
	}); n != 1 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzVerify(f *testing.F) {
	for _, message := range []string{
		fmt.Sprintf(vector, "1", "null", ""), `{"a":[{"b":"\ud800'\""}],"":{"":1e400}}`, `{"a":{"a":{"a":{}}}} `, "{\"\xff\":[NaN]}", `{}x`,
	} {
		f.Add(message, "secret")
	}
	f.Fuzz(func(t *testing.T, message, secret string) {
		err := metering.Verify(message, secret)
		if secret == "" && err != nil {
			t.Fatal(err)
		}
		s, err := metering.DecodeSample(message)
		if err != nil {
			return
		}
		metering.NewSigner(secret).Sign(&s)
		if err := metering.Verify(string(s.AppendJSON(nil)), secret); err != nil {
			t.Fatalf("%s: %v", s.AppendJSON(nil), err)
		}
	})
}
