package steps_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// A script is a story of a group, a line for each request with its answer:
//
//	6s  a claims 1,2,3 in 0 -> 1,2
//
// The time is since the start of cycle 0; a cycle takes a minute, a lease 15 s, a join
// waits 5 s for others, 30 s at most. An apostrophe makes another process of the same
// member: a and a' both have the ID a. These are all requests:
//
//	joins, beats, leaves, restores                    with settings=…, weight=…, address=…
//	begins N [expecting E], begins N again            again: says what was pinned before
//	claims, rescues, steals P,… in N                  answers what was granted
//	finishes, releases, checks P,… in N               answers what is not the caller's
//	lists P,… in N                                    what could be claimed
//	hands-in P,… [holding P,…] in N
//	counts N, posts KEY VERSION, reads KEY, looks
//	(nobody) forgets                                  the coordinator loses its memory
const (
	interval = int64(60_000)
	base     = 28_000_000 * interval // the start of cycle 0
	ttl      = 15 * time.Second
)

type script struct {
	group     steps.Group
	processes map[string]*process
}

// process is what a member remembers.
type process struct {
	steps.Caller
	view   partition.View
	pinned map[int64]partition.View
}

// play runs the requests of a script and returns it with the answers that came.
func (s *script) play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	for line := range strings.Lines(text) {
		request, _, _ := strings.Cut(strings.TrimSpace(line), " -> ")
		if request == "" || strings.HasPrefix(request, "#") {
			fmt.Fprintln(&out, request)
			continue
		}
		words := strings.Fields(request)
		at, err := time.ParseDuration(words[0])
		if err != nil || len(words) < 3 {
			t.Fatalf("no request: %s", line)
		}
		answer := s.request(t, base+at.Milliseconds(), words[1], words[2], words[3:])
		fmt.Fprintf(&out, "%s -> %s\n", request, answer)
	}
	return out.String()
}

func (s *script) process(name string) *process {
	p := s.processes[name]
	if p == nil {
		p = &process{Caller: steps.Caller{ID: strings.TrimRight(name, "'")}, pinned: map[int64]partition.View{}}
		s.processes[name] = p
	}
	return p
}

func (s *script) request(t *testing.T, now int64, name, verb string, args []string) string {
	t.Helper()
	g, p := &s.group, s.process(name)
	reasons := map[string]partition.Reason{"claims": partition.Own, "rescues": partition.Rescue, "steals": partition.Steal}
	switch verb {
	case "joins":
		p.Caller = steps.Caller{ID: p.ID}
		p.view = partition.View{}
		return s.beat(t, now, p, args)
	case "beats":
		return s.beat(t, now, p, args)
	case "leaves":
		g.Leave(now, p.Caller)
		return fmt.Sprintf("epoch %d", g.View.Epoch)
	case "restores":
		g.Restore(now, steps.Restore{Caller: p.Caller, Settings: "s", View: p.view, TTL: ttl})
		return fmt.Sprintf("epoch %d", g.View.Epoch)
	case "begins":
		return s.begin(t, now, p, args)
	case "claims", "rescues", "steals":
		return parts(g.Claim(now, steps.Claim{Turn: turn(t, p, args), Reason: reasons[verb], Parts: numbers(t, args[0])}))
	case "finishes":
		return parts(g.Settle(now, steps.Settle{Turn: turn(t, p, args), Done: numbers(t, args[0])}))
	case "releases":
		return parts(g.Settle(now, steps.Settle{Turn: turn(t, p, args), Release: numbers(t, args[0])}))
	case "checks":
		return parts(g.Held(now, steps.Listed{Turn: turn(t, p, args), Parts: numbers(t, args[0])}))
	case "lists":
		return parts(g.Unfinished(now, steps.Listed{Turn: turn(t, p, args), Parts: numbers(t, args[0])}))
	case "hands-in":
		b := steps.Backfill{Turn: turn(t, p, args), Done: numbers(t, args[0])}
		b.View = p.pinned[b.Number-base/interval]
		if args[1] == "holding" {
			b.Held = numbers(t, args[2])
		}
		return g.Backfill(now, b).String()
	case "counts":
		return fmt.Sprintf("%+v", g.Coverage(now, turn(t, p, args)))
	case "posts":
		version := numbers(t, args[1])[0]
		g.Post(now, args[0], partition.Post{Version: int64(version), Data: []byte(name)}, 10_000)
		return "ok"
	case "reads":
		post, ok := g.Read(now, args[0])
		return fmt.Sprintf("%d %s %v", post.Version, post.Data, ok)
	case "looks":
		return picture(g.Look(now))
	case "forgets":
		s.group = steps.Group{}
		return "ok"
	}
	t.Fatalf("no request %q", verb)
	return ""
}

func (s *script) beat(t *testing.T, now int64, p *process, args []string) string {
	t.Helper()
	b := steps.Beat{Caller: p.Caller, Weight: 1, Settings: "s", Epoch: p.view.Epoch,
		TTL: ttl, Settle: 5 * time.Second, SettleMost: 30 * time.Second}
	for _, arg := range args {
		switch name, value, _ := strings.Cut(arg, "="); name {
		case "settings":
			b.Settings = value
		case "weight":
			b.Weight = numbers(t, value)[0]
		case "address":
			b.Address = value
		}
	}
	reply := s.group.Beat(now, b)
	if reply.Now != now {
		t.Errorf("the answer says that it is %d, it is %d", reply.Now, now)
	}
	if reply.Status != steps.OK {
		return strings.TrimSpace(reply.Status.String() + " " + reply.Settings)
	}
	answer := fmt.Sprintf("epoch %d", reply.Epoch)
	if reply.View != nil {
		answer += " of " + members(*reply.View)
		p.view = *reply.View
	}
	if p.Era != 0 && p.Era != reply.Era {
		answer += ", new era"
	}
	if !reply.InView {
		answer += ", waits"
	}
	if reply.Grace {
		answer += ", grace"
	}
	p.Incarnation, p.Era = reply.Incarnation, reply.Era
	return answer
}

func (s *script) begin(t *testing.T, now int64, p *process, args []string) string {
	t.Helper()
	number := int64(numbers(t, args[0])[0])
	b := steps.Begin{Turn: turn(t, p, []string{"in", args[0]})}
	switch {
	case len(args) == 3:
		b.Expected = numbers(t, args[2])[0]
	case len(args) == 2:
		known := p.pinned[number]
		b.Known = &known
	}
	begun := s.group.Begin(now, b)
	if begun.Status != steps.OK {
		return begun.Status.String()
	}
	p.pinned[number] = begun.View
	return fmt.Sprintf("epoch %d of %s", begun.View.Epoch, members(begun.View))
}

// turn reads the cycle, which is the last of the arguments.
func turn(t *testing.T, p *process, args []string) steps.Turn {
	t.Helper()
	number := int64(numbers(t, args[len(args)-1])[0])
	return steps.Turn{Caller: p.Caller, Source: "src", Number: base/interval + number, Interval: interval, Epoch: p.pinned[number].Epoch}
}

func numbers(t *testing.T, list string) []int {
	t.Helper()
	var ns []int
	for word := range strings.SplitSeq(list, ",") {
		if word == "none" {
			continue
		}
		n, err := strconv.Atoi(word)
		if err != nil {
			t.Fatal(err)
		}
		ns = append(ns, n)
	}
	return ns
}

func parts(reply steps.Parts) string {
	if reply.Status != steps.OK {
		return reply.Status.String()
	}
	if len(reply.Parts) == 0 {
		return "none"
	}
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(reply.Parts), "[]"), " ", ",")
}

func members(v partition.View) string {
	var ids []string
	for _, m := range v.Members {
		id := m.ID
		if m.Weight != 1 {
			id += fmt.Sprintf("*%d", m.Weight)
		}
		ids = append(ids, id+m.Address)
	}
	if len(ids) == 0 {
		return "nobody"
	}
	return strings.Join(ids, ",")
}

func since(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return (time.Duration(ms-base) * time.Millisecond).String()
}

func picture(p steps.Picture) string {
	lines := []string{fmt.Sprintf("%s: epoch %d of %s, settings %s, grace %s", since(p.Now), p.View.Epoch, members(p.View), p.Settings, since(p.Grace))}
	for _, m := range p.Members {
		lines = append(lines, fmt.Sprintf("%s beat %s until %s waits %v", m.ID, since(m.Beat), since(m.Deadline), m.Pending))
	}
	for _, n := range p.Sources {
		lines = append(lines, fmt.Sprintf("%s in %d", n.Source, n.Number-base/interval))
	}
	return strings.Join(lines, "; ")
}

// check plays a script and compares the answers.
func check(t *testing.T, text string) {
	t.Helper()
	var want []string
	for line := range strings.Lines(text) {
		want = append(want, strings.TrimSpace(line))
	}
	s := script{processes: map[string]*process{}}
	got := strings.Split(s.play(t, text), "\n")
	if diff := cmp.Diff(trim(want), trim(got)); diff != "" {
		t.Errorf("answers (-want +got):\n%s\n%s", diff, strings.Join(got, "\n"))
	}
}

func trim(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" })
}
