package loadgen

import (
	"fmt"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// WriteReport writes a page in HTML with a bar for every value and a mark where it should
// be. It needs nothing beside itself.
func WriteReport(path string, o Options, figures []Figure) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	page := struct {
		When    string
		Machine string
		Plots   []plot
	}{time.Now().UTC().Format("2 January 2006 15:04 UTC"), machine(o), nil}
	for _, figure := range figures {
		page.Plots = append(page.Plots, plotOf(figure))
	}
	if err := reportPage.Execute(f, page); err != nil {
		_ = f.Close()
		return err
	}
	return f.Close()
}

// plot is a figure in pixels.
type plot struct {
	Figure
	Method string
	Bars   []bar
	Height int
}

// bar is one value, and the mark of its goal where there is one.
type bar struct {
	Y, TextY    int
	Width, Mark float64
	Value       string
	HasMark     bool
	Good        bool
}

const (
	plotWidth = 560.0 // of the widest bar or mark
	barStep   = 30
)

var goalNumber = regexp.MustCompile(`([≥≤<>])\s*([0-9.]+)`)

// goals are the numbers of a goal and whether more is better, one for each value; a goal
// with one number is everybody's.
func goals(goal string, n int) (at []float64, more []bool) {
	for _, found := range goalNumber.FindAllStringSubmatch(goal, -1) {
		number, err := strconv.ParseFloat(found[2], 64)
		if err != nil {
			continue
		}
		at, more = append(at, number), append(more, found[1] == "≥" || found[1] == ">")
	}
	for len(at) > 0 && len(at) < n {
		at, more = append(at, at[len(at)-1]), append(more, more[len(more)-1])
	}
	return at, more
}

func plotOf(f Figure) plot {
	at, more := goals(f.Goal, len(f.Values))
	widest := slices.Max(append(slices.Clone(f.Values), at...))
	out := plot{Figure: f, Method: strings.ReplaceAll(methods[f.Name], "\n", " "), Height: barStep * len(f.Values)}
	for i, v := range f.Values {
		b := bar{Y: i*barStep + 4, TextY: i*barStep + 20, Width: plotWidth * v / widest, Value: fmt.Sprintf("%.2f", v), Good: true}
		if i < len(at) {
			b.HasMark, b.Mark = true, plotWidth*at[i]/widest
			b.Good = more[i] && v >= at[i] || !more[i] && v <= at[i]
		}
		out.Bars = append(out.Bars, b)
	}
	return out
}

var reportPage = template.Must(template.New("report").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Countersign: measured</title><style>
:root { color-scheme: light dark; --bar: #2f6f4f; --short: #a4572b; --mark: #8a8f98 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin-bottom: 0 } .of { color: var(--mark); margin-top: 0 } svg { width: 100%; height: auto }
.good { fill: var(--bar) } .short { fill: var(--short) } line { stroke: var(--mark); stroke-width: 2; stroke-dasharray: 4 3 } text { fill: currentColor; font-size: 14px }
</style></head><body>
<h1>What was measured</h1>
<p>{{.When}}. {{.Machine}} The dashed line is where a value should be; a bar of the other colour does not reach it.</p>
{{range .Plots}}<section><h2>{{.Name}}</h2><p class="of">{{.Of}}. Goal: {{.Goal}}.</p>
<svg viewBox="0 0 640 {{.Height}}" role="img" aria-label="{{.String}}">{{range .Bars}}
<rect x="0" y="{{.Y}}" width="{{printf "%.1f" .Width}}" height="22" rx="3" class="{{if .Good}}good{{else}}short{{end}}"/>
<text x="{{printf "%.1f" .Width}}" y="{{.TextY}}" dx="6">{{.Value}}</text>
{{if .HasMark}}<line x1="{{printf "%.1f" .Mark}}" x2="{{printf "%.1f" .Mark}}" y1="{{.Y}}" y2="{{.TextY}}"/>{{end}}{{end}}
</svg>
<p>{{.Method}}</p>{{range .Detail}}<p>{{.}}</p>{{end}}</section>
{{end}}</body></html>
`))
