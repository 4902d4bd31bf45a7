package browsertest

import (
	_ "embed" // for axe-core
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe-core/axe.min.js
var axe string

// violation is what axe-core says about one rule.
type violation struct {
	ID    string `json:"id"`
	Help  string `json:"help"`
	Nodes []struct {
		Target  []any  `json:"target"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// Accessible fails the test for everything that axe-core finds: all its rules, those of
// WCAG 2.2 A and AA and its own good practice.
func (p *Page) Accessible() {
	p.t.Helper()
	for _, v := range p.violations() {
		p.t.Error(v)
	}
}

// violations are given to the page from outside, so that its own policy, which would
// refuse a foreign script, stays as it is.
func (p *Page) violations() (found []string) {
	p.t.Helper()
	var all []violation
	p.scripted(func() {
		p.t.Helper()
		p.Do("run axe-core", chromedp.Evaluate(axe+";true", nil), chromedp.Evaluate(
			`axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations)`, &all,
			func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) },
		))
	})
	for _, v := range all {
		for _, node := range v.Nodes {
			found = append(found, fmt.Sprintf("%s: %s, at %v: %s", v.ID, v.Help, node.Target, strings.Join(strings.Fields(node.Summary), " ")))
		}
	}
	return found
}
