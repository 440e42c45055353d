package metering_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ringmeter/ringmeter/metering"
)

// The goldens were written by Python's json, msgpack and repr from one and the same
// dictionary, and signed by Ceilometer's algorithm in Python.

func golden(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(text), "\n")
}

func goldenSample(t *testing.T) metering.Sample {
	t.Helper()
	s, err := metering.DecodeSample(golden(t, "message.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGoldenForms(t *testing.T) {
	s := goldenSample(t)
	metering.NewSigner("change this for valid signing").Sign(&s)
	for name, form := range map[string]func([]byte) []byte{
		"message.json":  s.AppendJSON,
		"object.json":   s.AppendObject,
		"object.python": s.AppendPython,
		"message.msgpack.hex": func(dst []byte) []byte {
			return hex.AppendEncode(dst, s.AppendMsgpack(nil, ""))
		},
		"publisher.msgpack.hex": func(dst []byte) []byte {
			published := s
			metering.NewSigner("change this for valid signing").SignAs(&published, "node-1")
			return hex.AppendEncode(dst, published.AppendMsgpack(nil, "node-1"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(golden(t, name), string(form(nil))); diff != "" {
				t.Error(diff)
			}
			if got := string(form([]byte("before"))); !strings.HasPrefix(got, "before") {
				t.Errorf("does not append: %.20s", got)
			}
		})
	}
}

func TestGoldenSampleFields(t *testing.T) {
	s := goldenSample(t)
	s.Metadata, s.Signature = "", ""
	want := metering.Sample{
		Name: "cpu", Type: metering.Cumulative, Unit: "ns", Volume: metering.Int(9007199254740993),
		UserID: metering.TextOf("u1"), ProjectID: metering.TextOf("p1"), ProjectName: metering.TextOf("it's"),
		ResourceID: "ré 1", Timestamp: "2026-07-21T13:56:12.123456", Source: "openstack",
		ID: "11111111-1111-8111-8111-111111111111", MonotonicTime: metering.Float(12.25),
	}
	if s != want {
		t.Errorf("decoded %+v\nwant %+v", s, want)
	}
}

func TestZeroSampleIsJSON(t *testing.T) {
	const message = `{"source":"","counter_name":"","counter_type":"gauge","counter_unit":"","counter_volume":null,` +
		`"user_id":null,"user_name":null,"project_id":null,"project_name":null,"resource_id":"","timestamp":"",` +
		`"resource_metadata":{},"message_id":"","monotonic_time":null,"message_signature":""}`
	s := metering.Sample{Type: metering.Gauge}
	if diff := cmp.Diff(message, string(s.AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
	if got := string(metering.AppendBatch(nil, []metering.Sample{s, s})); got != `{"samples":[`+message+`,`+message+`]}` {
		t.Errorf("batch is %s", got)
	}
	if got := string(metering.AppendBatch(nil, nil)); got != `{"samples":[]}` {
		t.Errorf("empty batch is %s", got)
	}
}

// What another JSON library reads is what the sample holds.
func TestEncodingIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := genSample().Draw(t, "sample")
		s.Volume, s.MonotonicTime = metering.Int(rapid.Int64().Draw(t, "volume")), metering.Float(1.5)
		message := decodeAny(t, string(s.AppendJSON(nil))).(map[string]any)
		object := decodeAny(t, string(s.AppendObject(nil))).(map[string]any)
		for _, tt := range []struct{ inMessage, inObject string }{
			{"counter_name", "name"}, {"counter_type", "type"}, {"counter_unit", "unit"}, {"counter_volume", "volume"},
			{"user_id", "user_id"}, {"user_name", "user_name"}, {"project_id", "project_id"},
			{"project_name", "project_name"}, {"resource_id", "resource_id"}, {"timestamp", "timestamp"},
			{"resource_metadata", "resource_metadata"}, {"source", "source"}, {"message_id", "id"},
			{"monotonic_time", "monotonic_time"},
		} {
			if _, ok := message[tt.inMessage]; !ok {
				t.Fatalf("message has no %s", tt.inMessage)
			}
			if diff := cmp.Diff(message[tt.inMessage], object[tt.inObject]); diff != "" {
				t.Fatal(tt.inObject, diff)
			}
		}
		if message["counter_name"] != s.Name || message["resource_id"] != s.ResourceID || len(object) != 14 {
			t.Fatalf("message is %v, object %v", message, object)
		}
	})
}

func TestInvalidTextIsReplacedEverywhere(t *testing.T) {
	s := metering.Sample{Type: metering.Delta, Name: "a\xffb", ProjectID: metering.TextOf("\xc3")}
	metering.NewSigner("secret").Sign(&s)
	message := string(s.AppendJSON(nil))
	if err := metering.Verify(message, "secret"); err != nil || !strings.Contains(message, "a\uFFFDb") {
		t.Errorf("%s: %v", message, err)
	}
	if packed := s.AppendMsgpack(nil, ""); !bytes.Contains(packed, []byte("a\uFFFDb")) {
		t.Errorf("msgpack is %q", packed)
	}
}

func TestEncodingAllocatesNothing(t *testing.T) {
	s := sampleOf(1)
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = s.AppendObject(s.AppendJSON(buf[:0])) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
