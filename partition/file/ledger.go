package file

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/ringmeter/ringmeter/partition"
	"github.com/ringmeter/ringmeter/partition/steps"
)

// ledgerRecord is the data of a ledger's file; its time is when the cycle is forgotten.
type ledgerRecord struct {
	Era      int64         `json:"era"`
	View     viewRecord    `json:"view"`
	Expected int           `json:"expected"`
	Reborn   bool          `json:"reborn,omitempty"`
	Graced   bool          `json:"graced,omitempty"`
	Expires  int64         `json:"expires"`
	Rescued  int           `json:"rescued,omitempty"`
	Stolen   int           `json:"stolen,omitempty"`
	Late     int           `json:"late,omitempty"`
	Entries  []entryRecord `json:"entries"`
}

// entryRecord is what is the same for many partitions.
type entryRecord struct {
	Stage       steps.Stage      `json:"stage"`
	Holder      string           `json:"holder"`
	Incarnation int64            `json:"incarnation"`
	Tries       int              `json:"tries,omitempty"`
	Reason      partition.Reason `json:"reason,omitempty"`
	Parts       []int            `json:"parts"`
}

func ledgerPath(t steps.Turn) string {
	return filepath.Join("cycles", fileName(fmt.Sprintf("%d-%s", t.Number, t.Source))+".json")
}

// decodeLedger returns nil when there is no ledger in the file.
func decodeLedger(c content) *steps.Cycle {
	var r ledgerRecord
	if json.Unmarshal(c.data, &r) != nil || r.Era <= 0 {
		return nil
	}
	view, ok := r.View.decode()
	if !ok {
		return nil
	}
	cycle := &steps.Cycle{Era: r.Era, View: view, Expected: r.Expected, Reborn: r.Reborn, Graced: r.Graced, Expires: r.Expires,
		Rescued: r.Rescued, Stolen: r.Stolen, Late: r.Late, Entries: map[int]steps.Entry{}}
	for _, e := range r.Entries {
		if e.Stage > steps.Done || e.Reason > partition.Steal {
			return nil
		}
		for _, p := range e.Parts {
			cycle.Entries[p] = steps.Entry{Stage: e.Stage, Holder: e.Holder, Incarnation: e.Incarnation, Tries: e.Tries, Reason: e.Reason}
		}
	}
	return cycle
}

func encodeLedger(c *steps.Cycle) content {
	if c == nil {
		return content{}
	}
	r := ledgerRecord{Era: c.Era, View: encodeView(c.View), Expected: c.Expected, Reborn: c.Reborn, Graced: c.Graced, Expires: c.Expires,
		Rescued: c.Rescued, Stolen: c.Stolen, Late: c.Late, Entries: []entryRecord{}}
	places := map[steps.Entry]int{}
	for _, p := range slices.Sorted(maps.Keys(c.Entries)) {
		e := c.Entries[p]
		i, known := places[e]
		if !known {
			i = len(r.Entries)
			places[e] = i
			r.Entries = append(r.Entries, entryRecord{e.Stage, e.Holder, e.Incarnation, e.Tries, e.Reason, nil})
		}
		r.Entries[i].Parts = append(r.Entries[i].Parts, p)
	}
	return content{encode(r), c.Expires}
}

// postHeader is the first line of a post; the data follows.
type postHeader struct {
	Version int64 `json:"version"`
	Expires int64 `json:"expires"`
	Size    int   `json:"size"`
}

func postPath(key string) string { return filepath.Join("posts", fileName(key)) }

func decodePost(c content) (steps.Posted, bool) {
	line, data, _ := bytes.Cut(c.data, []byte("\n"))
	var h postHeader
	if json.Unmarshal(line, &h) != nil || h.Size != len(data) {
		return steps.Posted{}, false
	}
	return steps.Posted{Post: partition.Post{Version: h.Version, Data: data}, Expires: h.Expires}, true
}

func encodePost(p steps.Posted) content {
	return content{slices.Concat(encode(postHeader{p.Version, p.Expires, len(p.Data)}), p.Data), p.Expires}
}

// encode makes a line of one of the records, all of which can be one.
func encode(record any) []byte {
	line, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	return append(line, '\n')
}
