package publish

import (
	"math"
	"strings"

	"github.com/ringmeter/ringmeter/metering"
)

// exposition is a batch in Prometheus' text format, one line per series. Of several
// samples of one series the last one counts: a gateway keeps only that, and refuses a
// payload that has more.
func exposition(batch []metering.Sample) []byte {
	type series struct{ name, resource, user, project string }
	key := func(s *metering.Sample) series {
		return series{promName(s.Name), s.ResourceID, textOrNone(s.UserID), textOrNone(s.ProjectID)}
	}
	newest := make(map[series]int, len(batch))
	for i := range batch {
		newest[key(&batch[i])] = i
	}
	typed := map[string]bool{}
	var dst []byte
	for i := range batch {
		s := &batch[i]
		k := key(s)
		if newest[k] != i {
			continue
		}
		if kind := promType(s.Type); kind != "" && !typed[k.name] {
			typed[k.name] = true
			dst = append(dst, "# TYPE "+k.name+" "+kind+"\n"...)
		}
		dst = append(dst, k.name...)
		dst = appendLabel(append(dst, '{'), "resource_id", k.resource)
		dst = appendLabel(append(dst, ", "...), "user_id", k.user)
		dst = appendLabel(append(dst, ", "...), "project_id", k.project)
		dst = append(dst, "} "...)
		dst = appendValue(dst, s.Volume)
		dst = append(dst, '\n')
	}
	return dst
}

// promType is the type in Prometheus' words; what only grows between two samples has none.
func promType(t metering.Type) string {
	switch t {
	case metering.Cumulative:
		return "counter"
	case metering.Gauge:
		return "gauge"
	case metering.Delta:
	}
	return ""
}

// promName makes a meter's name one of Prometheus.
func promName(meter string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == ':':
			return r
		}
		return '_'
	}, meter)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		return "_" + name
	}
	return name
}

// textOrNone is the text, None for null as Ceilometer writes it.
func textOrNone(t metering.Text) string {
	if t.IsNull() {
		return "None"
	}
	return t.String()
}

func appendLabel(dst []byte, name, value string) []byte {
	dst = append(append(dst, name...), `="`...)
	for i := range len(value) {
		switch c := value[i]; c {
		case '\\', '"':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, `\n`...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func appendValue(dst []byte, v metering.Volume) []byte {
	if v.IsFloat() {
		switch f := v.Float64(); {
		case math.IsNaN(f):
			return append(dst, "NaN"...)
		case math.IsInf(f, 1):
			return append(dst, "+Inf"...)
		case math.IsInf(f, -1):
			return append(dst, "-Inf"...)
		}
	}
	return v.AppendText(dst)
}
