package redis

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

func (s *store) Look(ctx context.Context) (steps.Picture, error) {
	r, err := s.run(ctx, s.backend.others, "look", "", 0)
	if err != nil {
		return steps.Picture{}, err
	}
	p := steps.Picture{Now: r.num(0), Settings: r.text(1), Era: r.num(2), Grace: r.num(3), View: r.view(uint64(r.num(4)), 5)}
	members, leases, sources := r.pairs(6), r.pairs(7), r.pairs(8)
	for _, id := range slices.Sorted(maps.Keys(members)) {
		m, ok := decodeMember(id, members[id])
		lease, err := strconv.ParseFloat(leases[id], 64)
		if !ok || err != nil {
			r.fail(6, "members with leases")
		}
		m.Deadline = int64(lease)
		p.Members = append(p.Members, m)
	}
	for _, source := range slices.Sorted(maps.Keys(sources)) {
		number, interval, _ := strings.Cut(sources[source], " ")
		n, errNumber := strconv.ParseInt(number, 10, 64)
		i, errInterval := strconv.ParseInt(interval, 10, 64)
		if errNumber != nil || errInterval != nil {
			r.fail(8, "cycles")
		}
		p.Sources = append(p.Sources, steps.Newest{Source: source, Number: n, Interval: i})
	}
	return done("look", r, p)
}

// pairs is a list of keys, each followed by its value.
func (r *reply) pairs(i int) map[string]string {
	flat, pairs := r.list(i), map[string]string{}
	for j := 0; j < len(flat.values); j += 2 {
		pairs[flat.text(j)] = flat.text(j + 1)
	}
	if flat.err != nil && r.err == nil {
		r.err = flat.err
	}
	return pairs
}

// decodeMember reads the text of a member as the scripts keep it.
func decodeMember(id, text string) (seen steps.Seen, ok bool) {
	fields := strings.SplitN(text, "\t", 6)
	if len(fields) != 6 {
		return steps.Seen{}, false
	}
	var numbers [5]int64 // incarnation, era, last beat, pending, weight
	for i := range numbers {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return steps.Seen{}, false
		}
		numbers[i] = n
	}
	return steps.Seen{
		Member:      partition.Member{ID: id, Weight: int(numbers[4]), Address: fields[5]},
		Incarnation: numbers[0], Beat: numbers[2], Pending: numbers[3] != 0,
	}, true
}
