package redis

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// reply reads what a script returned. Its first fault is kept in err, and what is read
// after it counts for nothing.
type reply struct {
	values []any
	err    error
}

func (r *reply) fail(i int, want string) {
	if r.err == nil {
		r.err = fmt.Errorf("value %d of the answer is no %s", i, want)
	}
}

func (r *reply) num(i int) int64 {
	if i < len(r.values) {
		if n, ok := r.values[i].(int64); ok {
			return n
		}
	}
	r.fail(i, "number")
	return 0
}

func (r *reply) text(i int) string {
	if i < len(r.values) {
		if s, ok := r.values[i].(string); ok {
			return s
		}
	}
	r.fail(i, "text")
	return ""
}

// list is an answer within the answer.
func (r *reply) list(i int) *reply {
	if i < len(r.values) {
		if l, ok := r.values[i].([]any); ok {
			return &reply{values: l}
		}
	}
	r.fail(i, "list")
	return &reply{}
}

func (r *reply) status() steps.Status { return steps.Status(r.num(0)) }

// parts are the numbers after the status.
func (r *reply) parts() steps.Parts {
	p := steps.Parts{Status: r.status()}
	for i := 1; i < len(r.values); i++ {
		p.Parts = append(p.Parts, int(r.num(i)))
	}
	return p
}

// view reads an epoch and the text of a view.
func (r *reply) view(epoch uint64, i int) partition.View {
	v, err := decodeView(epoch, r.text(i))
	if err != nil && r.err == nil {
		r.err = err
	}
	return v
}

// encodeView is a line for each member, as the scripts keep it.
func encodeView(v partition.View) (string, error) {
	if _, err := partition.NewView(v.Epoch, v.Members...); err != nil { // a line break would be two members
		return "", err
	}
	lines := make([]string, 0, len(v.Members))
	for _, m := range v.Members {
		lines = append(lines, m.ID+"\t"+strconv.Itoa(m.Weight)+"\t"+m.Address)
	}
	return strings.Join(lines, "\n"), nil
}

func decodeView(epoch uint64, text string) (partition.View, error) {
	if text == "" {
		return partition.View{Epoch: epoch}, nil
	}
	members := make([]partition.Member, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		id, rest, _ := strings.Cut(line, "\t")
		weight, address, ok := strings.Cut(rest, "\t")
		n, err := strconv.Atoi(weight)
		if !ok || err != nil {
			return partition.View{}, fmt.Errorf("reading a view: %q is no member", line)
		}
		members = append(members, partition.Member{ID: id, Weight: n, Address: address})
	}
	return partition.NewView(epoch, members...)
}
