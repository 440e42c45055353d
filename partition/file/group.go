package file

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

const groupFile = "group.json"

// groupRecord is the data of group.json; its time is Group.Last.
type groupRecord struct {
	Settings  string                  `json:"settings"`
	Era       int64                   `json:"era"`
	View      viewRecord              `json:"view"`
	Since     int64                   `json:"since,omitempty"`
	Grace     int64                   `json:"grace,omitempty"`
	FirstJoin int64                   `json:"first_join,omitempty"`
	Newest    int64                   `json:"newest,omitempty"`
	LastJoin  int64                   `json:"last_join,omitempty"`
	Sources   map[string]sourceRecord `json:"sources,omitempty"`
}

type sourceRecord struct {
	Number   int64 `json:"number"`
	Interval int64 `json:"interval"`
}

type viewRecord struct {
	Epoch   uint64       `json:"epoch"`
	Members []viewMember `json:"members"`
}

type viewMember struct {
	ID      string `json:"id"`
	Weight  int    `json:"weight"`
	Address string `json:"address,omitempty"`
}

// memberRecord is the data of a member's file; its time is Member.Beat. Whether the
// member is pending follows from the view.
type memberRecord struct {
	viewMember
	Incarnation int64 `json:"incarnation"`
	Era         int64 `json:"era"`
	Lease       int64 `json:"lease"` // milliseconds from the beat to the deadline
}

// roll is the group without its ledgers and posts, and the files that it was read from.
type roll struct {
	folder
	group   steps.Group
	file    content
	members map[string]content // by path
}

// load reads the group and mends what is broken in it.
func (f folder) load(now int64) (*roll, error) {
	r := &roll{folder: f, members: map[string]content{}}
	var err error
	if r.file, err = f.read(groupFile); err != nil {
		return nil, err
	}
	r.group = decodeGroup(r.file)
	r.group.Members = map[string]*steps.Member{}
	files, err := f.list("members")
	if err != nil {
		return nil, err
	}
	for _, e := range files {
		path := filepath.Join("members", e.Name())
		c, err := f.read(path)
		if err != nil {
			return nil, err
		}
		r.members[path] = c
		if id, m := decodeMember(c, now); m != nil && memberPath(id) == path {
			r.group.Members[id] = m
		}
	}
	mend(&r.group, now)
	return r, nil
}

// mend makes a whole of what was read: a member is pending until it is in the view, those
// in the view whose files are lost have no lease, and who is pending waits for others.
func mend(g *steps.Group, now int64) {
	waiting := len(g.Members)
	for _, known := range g.View.Members {
		m := g.Members[known.ID]
		if m == nil {
			m = &steps.Member{Weight: known.Weight, Address: known.Address}
			g.Members[known.ID] = m
		} else {
			waiting--
		}
		m.Pending = false
	}
	if waiting > 0 && g.FirstJoin == 0 {
		g.FirstJoin, g.LastJoin = now, now
	}
}

// save writes what a step has changed. Members come first: a view that is behind them is
// mended by the next beat.
func (r *roll) save() error {
	shall := map[string]content{}
	for id, m := range r.group.Members {
		shall[memberPath(id)] = encodeMember(id, m)
	}
	for path, c := range shall {
		if err := r.write(path, r.members[path], c); err != nil {
			return err
		}
	}
	for path, c := range r.members {
		if _, kept := shall[path]; !kept {
			if err := r.write(path, c, content{}); err != nil {
				return err
			}
		}
	}
	return r.write(groupFile, r.file, encodeGroup(&r.group))
}

func memberPath(id string) string { return filepath.Join("members", fileName(id)+".json") }

// decodeGroup returns a group that nobody has joined when there is nothing to read.
func decodeGroup(c content) steps.Group {
	var r groupRecord
	if json.Unmarshal(c.data, &r) != nil || r.Era <= 0 {
		return steps.Group{}
	}
	view, ok := r.View.decode()
	if !ok {
		return steps.Group{}
	}
	g := steps.Group{Settings: r.Settings, Era: r.Era, View: view, Last: c.time,
		Newest: r.Newest, Since: r.Since, Grace: r.Grace, FirstJoin: r.FirstJoin, LastJoin: r.LastJoin,
		Sources: map[string]steps.Newest{}}
	for name, s := range r.Sources {
		g.Sources[name] = steps.Newest{Source: name, Number: s.Number, Interval: s.Interval}
	}
	return g
}

func encodeGroup(g *steps.Group) content {
	if g.Era == 0 {
		return content{}
	}
	r := groupRecord{Settings: g.Settings, Era: g.Era, View: encodeView(g.View),
		Newest: g.Newest, Since: g.Since, Grace: g.Grace, FirstJoin: g.FirstJoin, LastJoin: g.LastJoin,
		Sources: map[string]sourceRecord{}}
	for name, s := range g.Sources {
		r.Sources[name] = sourceRecord{s.Number, s.Interval}
	}
	return content{encode(r), g.Last}
}

// decodeMember returns nil when there is no member in the file. A beat in the future is
// from before the clock was set back: the member has one lease from now on, not for ever.
func decodeMember(c content, now int64) (string, *steps.Member) {
	var r memberRecord
	if json.Unmarshal(c.data, &r) != nil || r.ID == "" {
		return "", nil
	}
	beat := min(c.time, now)
	return r.ID, &steps.Member{Weight: r.Weight, Address: r.Address, Incarnation: r.Incarnation, Era: r.Era,
		Beat: beat, Deadline: beat + r.Lease, Pending: true}
}

func encodeMember(id string, m *steps.Member) content {
	return content{encode(memberRecord{viewMember{id, m.Weight, m.Address},
		m.Incarnation, m.Era, m.Deadline - m.Beat}), m.Beat}
}

// decode reports false for a list that no coordinator has made.
func (r viewRecord) decode() (partition.View, bool) {
	v := partition.View{Epoch: r.Epoch}
	for _, m := range r.Members {
		v.Members = append(v.Members, partition.Member(m))
	}
	byID := func(a, b partition.Member) int { return strings.Compare(a.ID, b.ID) }
	return v, slices.IsSortedFunc(v.Members, byID) &&
		len(slices.CompactFunc(slices.Clone(v.Members), func(a, b partition.Member) bool { return a.ID == b.ID })) == len(v.Members)
}

func encodeView(v partition.View) viewRecord {
	r := viewRecord{Epoch: v.Epoch, Members: []viewMember{}}
	for _, m := range v.Members {
		r.Members = append(r.Members, viewMember(m))
	}
	return r
}
