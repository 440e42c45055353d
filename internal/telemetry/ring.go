package telemetry

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strconv"
	"strings"
)

// Ring shows how a whole is divided among the rows of a table: as a ring with a sector for
// each. Rows beyond the 30th have one sector together.
type Ring struct {
	Whole  string  `json:"whole"`  // what is divided, e.g. "4093 partitions"
	Shares []Share `json:"shares"` // of the rows, in their order
}

// Share is the part of one row.
type Share struct {
	Size   int  `json:"size"`
	Marked bool `json:"marked,omitempty"` // stands out a little
}

// mostSectors is how many colours people can still tell apart, with numbers beside them.
const mostSectors = 30

// othersColour is for what is not shown by itself.
const othersColour = "#7d8794"

// colours are told apart on white and on near black, the first ones best; a text in one of
// them would be hard to read.
func colours() [mostSectors]string {
	return [mostSectors]string{
		"#2563c8", "#008400", "#cc3c00", "#d86ccc", "#b49000", "#6090ff",
		"#9c489c", "#18a884", "#786c48", "#c07878", "#18849c", "#f06c00",
		"#9078c0", "#d84884", "#609c00", "#9c5460", "#7854cc", "#b46c18",
		"#249ccc", "#007860", "#84906c", "#6c6c90", "#9c78fc", "#f0606c",
		"#5478d8", "#60843c", "#c03060", "#a854cc", "#b4609c", "#b484b4",
	}
}

// Radii of a ring in a square of 240 whose middle is the origin.
const innerRadius, outerRadius, markedRadius, labelRadius = 58, 92, 98, 108

// roomy is the part of the whole from which on a sector has room for its number.
const roomy = 0.012

// draw makes the ring of a table, and of the table its legend.
func (s *section) draw() {
	sectors := s.sectors()
	for i := range s.Rows {
		if i < len(s.Ring.Shares) {
			of := sectors[min(i, mostSectors)]
			s.Rows[i].Label, s.Rows[i].Colour = of.label, of.colour
		}
	}
	s.SVG = drawRing(s.ID+"-ring", s.Title, s.Ring.Whole, sectors)
}

// sector is a part of the ring as it is drawn.
type sector struct {
	size                 int
	colour, label, title string
	radius               float64 // outer
}

// drawRing makes an SVG without styles or scripts of its own.
func drawRing(id, title, unit string, sectors []sector) template.HTML {
	whole := 0
	for _, s := range sectors {
		whole += s.size
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="ring" viewBox="-120 -120 240 240" role="img" aria-labelledby="%[1]s-title %[1]s-desc">`, id)
	fmt.Fprintf(&b, "\n<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">", id, html.EscapeString(title), id)
	for i, s := range sectors {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(html.EscapeString(s.describe(whole)))
	}
	b.WriteString("</desc>\n")
	if whole == 0 {
		fmt.Fprintf(&b, "<circle r=\"%d\" fill=\"none\" stroke=\"%s\" stroke-dasharray=\"4 6\"/>\n", (innerRadius+outerRadius)/2, othersColour)
	}
	before := 0
	for _, s := range sectors {
		if s.size <= 0 {
			continue
		}
		from, to := float64(before)/float64(whole), float64(before+s.size)/float64(whole)
		before += s.size
		fmt.Fprintf(&b, "<path fill=\"%s\" d=\"%s\"><title>%s</title></path>\n", s.colour, outline(from, to, s.radius), html.EscapeString(s.describe(whole)))
		if to-from >= roomy {
			fmt.Fprintf(&b, "<text%s>%s</text>\n", at((from+to)/2, labelRadius), s.label)
		}
	}
	number, unit, _ := strings.Cut(unit, " ")
	fmt.Fprintf(&b, "<text class=\"whole\" y=\"-4\">%s</text><text y=\"16\">%s</text>\n</svg>", html.EscapeString(number), html.EscapeString(unit))
	return template.HTML(b.String()) // every text in it is escaped above
}

// sectors are the shares, those that have no colour of their own in one.
func (s *section) sectors() []sector {
	var sectors []sector
	for i, share := range s.Ring.Shares[:min(len(s.Ring.Shares), mostSectors)] {
		name, radius := "", float64(outerRadius)
		if i < len(s.Table.Rows) && len(s.Table.Rows[i]) > 0 {
			name = s.Table.Rows[i][0].Text
		}
		if share.Marked {
			radius = markedRadius
		}
		sectors = append(sectors, sector{max(share.Size, 0), colours()[i], strconv.Itoa(i + 1), name, radius})
	}
	if len(s.Ring.Shares) <= mostSectors {
		return sectors
	}
	others := sector{0, othersColour, "…", fmt.Sprintf("%d others", len(s.Ring.Shares)-mostSectors), outerRadius}
	for _, share := range s.Ring.Shares[mostSectors:] {
		others.size += max(share.Size, 0)
	}
	return append(sectors, others)
}

func (s sector) describe(whole int) string {
	if whole == 0 {
		return s.title + ": nothing"
	}
	return fmt.Sprintf("%s: %d of %d (%.1f %%)", s.title, s.size, whole, 100*float64(s.size)/float64(whole))
}

// outline is the path around the part of the ring between two fractions of the whole,
// clockwise from the top.
func outline(from, to, radius float64) string {
	if to-from > 0.9999 { // an arc cannot end where it begins
		return circle(radius, 1) + " " + circle(innerRadius, 0)
	}
	long := 0
	if to-from > 0.5 {
		long = 1
	}
	return fmt.Sprintf("M%sA%g %g 0 %d 1 %sL%sA%d %d 0 %d 0 %sZ", point(from, radius), radius, radius, long, point(to, radius),
		point(to, innerRadius), innerRadius, innerRadius, long, point(from, innerRadius))
}

// circle is a path in one of the two directions, so that one in another leaves a hole.
func circle(radius float64, sweep int) string {
	return fmt.Sprintf("M0 %[1]gA%[2]g %[2]g 0 1 %[3]d 0 %[2]gA%[2]g %[2]g 0 1 %[3]d 0 %[1]gZ", -radius, radius, sweep)
}

func point(fraction, radius float64) string {
	x, y := position(fraction, radius)
	return coordinate(x) + " " + coordinate(y)
}

// at is where a text stands, centred.
func at(fraction, radius float64) string {
	x, y := position(fraction, radius)
	return fmt.Sprintf(` x="%s" y="%s"`, coordinate(x), coordinate(y+4))
}

func position(fraction, radius float64) (x, y float64) {
	sin, cos := math.Sincos(2 * math.Pi * fraction)
	return radius * sin, -radius * cos
}

// coordinate is a length with at most two decimals, and no sign for zero.
func coordinate(v float64) string {
	s := strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}
