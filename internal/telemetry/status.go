package telemetry

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Page is what a daemon says about itself, for people (HTML) and for programs (JSON).
type Page struct {
	Title   string    `json:"title"` // e.g. "Ringmeter poller"
	Host    string    `json:"host"`
	Version string    `json:"version"`
	Started time.Time `json:"started,omitzero"`
	Now     time.Time `json:"now"`
	Ready   bool      `json:"ready"`
	Reasons []string  `json:"reasons,omitempty"` // why it is not ready
	Facts   []Fact    `json:"facts,omitempty"`
	Tables  []Table   `json:"tables,omitempty"`
	Links   []Link    `json:"links,omitempty"` // beside those to the port's own paths
}

// Fact is one named value at the top of the page.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	State State  `json:"state,omitempty"`
}

// Table is one table; the first cell of a row names the row.
type Table struct {
	Title   string   `json:"title"`
	Note    string   `json:"note,omitempty"`  // a sentence below the title
	Empty   string   `json:"empty,omitempty"` // said instead of a table without rows
	Columns []Column `json:"columns"`
	Rows    [][]Cell `json:"rows"`
	Ring    *Ring    `json:"ring,omitempty"` // drawn beside the table
}

// Column heads the cells of one index.
type Column struct {
	Name    string `json:"name"`
	Numeric bool   `json:"numeric,omitempty"`
	Help    string `json:"help,omitempty"`
}

// Cell is one value; Title is what is shown when somebody points at it.
type Cell struct {
	Text  string `json:"text"`
	Title string `json:"title,omitempty"`
	State State  `json:"state,omitempty"`
}

// Link leads elsewhere.
type Link struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

// State is a judgement on a value. It is shown as a colour and as a sign.
type State uint8

// The states, from nothing to say to worst.
const (
	Neutral State = iota
	OK
	Warn
	Bad
)

// ErrState is returned when a text names no State.
var ErrState = errors.New("not a state (ok, warn or bad)")

// String is "", "ok", "warn" or "bad".
func (s State) String() string {
	switch s {
	case OK:
		return "ok"
	case Warn:
		return "warn"
	case Bad:
		return "bad"
	case Neutral:
	}
	return ""
}

// MarshalText is String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *State) UnmarshalText(text []byte) error {
	for state := Neutral; state <= Bad; state++ {
		if string(text) == state.String() {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("%q: %w", text, ErrState)
}

//go:embed status.gohtml
var statusHTML string

//go:embed status.css
var statusCSS string

// page renders Pages.
type page struct{ template *template.Template }

func newPage() (*page, error) {
	t, err := template.New("status").Parse(statusHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the status page: %w", err)
	}
	return &page{t}, nil
}

// policy allows the one style sheet of the page and nothing else.
func (*page) policy() string {
	sum := sha256.Sum256([]byte(statusCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}

// render writes p as HTML that reloads itself every refresh seconds unless that is 0.
func (g *page) render(p Page, refresh int) ([]byte, error) {
	v := view{Page: p, CSS: template.CSS(statusCSS), Refresh: refresh, Instant: instant(p.Now)}
	if !p.Started.IsZero() {
		v.Uptime = Cell{Text: Duration(p.Now.Sub(p.Started)), Title: "since " + instant(p.Started)}
	}
	for i, t := range p.Tables {
		v.Sections = append(v.Sections, newSection("t"+strconv.Itoa(i+1), t))
	}
	var b bytes.Buffer
	if err := g.template.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("rendering the status page: %w", err)
	}
	return b.Bytes(), nil
}

// view is a Page made ready for a template that decides nothing.
type view struct {
	Page
	CSS      template.CSS
	Refresh  int
	Uptime   Cell
	Instant  string
	Sections []section
}

type section struct {
	Table
	ID   string
	Rows []row
	SVG  template.HTML // "" unless there is a ring
}

type row struct {
	State State // the worst of its cells
	Cells []labelled

	// Beside a ring: which sector the row is for.
	Label, Colour string
}

type labelled struct {
	Column
	Cell
	First bool
}

// Class names the classes of the style sheet for a cell; a long text may be broken.
func (l labelled) Class() string {
	var classes []string
	if l.Numeric {
		classes = append(classes, "number")
	}
	if l.State != Neutral {
		classes = append(classes, l.State.String())
	}
	switch n := utf8.RuneCountInString(l.Text); {
	case n == 0:
		classes = append(classes, "none")
	case n > 36:
		classes = append(classes, "long")
	}
	return strings.Join(classes, " ")
}

// newSection gives every row one cell per column, whatever the caller has put there.
func newSection(id string, t Table) section {
	s := section{Table: t, ID: id}
	for _, cells := range t.Rows {
		var r row
		for i, c := range t.Columns {
			l := labelled{Column: c, First: i == 0}
			if i < len(cells) {
				l.Cell = cells[i]
			}
			r.State = max(r.State, l.State)
			r.Cells = append(r.Cells, l)
		}
		s.Rows = append(s.Rows, r)
	}
	if t.Ring != nil {
		s.draw()
	}
	return s
}
