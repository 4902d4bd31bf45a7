package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"countersign/gateway/client"
)

// progress shows how far a submission is: bars where a person watches, lines
// elsewhere.
type progress struct {
	app  *app
	name string
	verb string                   // what is done to the rows
	bar  *progressbar.ProgressBar // nil where there are lines
	rest time.Duration            // between two lines
	told time.Time
}

func (a *app) progress(name, verb string) *progress {
	return &progress{app: a, name: name, verb: verb, rest: 5 * time.Second}
}

func (p *progress) start(what string, total int64, bytes bool) {
	if !isTerminal(p.app.err) {
		return
	}
	p.stop()
	p.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.app.err), progressbar.OptionSetDescription(plain(p.name)+": "+what),
		progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionThrottle(65*time.Millisecond),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
}

func (p *progress) stop() {
	if p.bar != nil {
		_ = p.bar.Finish() // nobody is hurt by a bar that cannot be drawn
		p.bar = nil
	}
}

// sending counts the bytes of a body as they leave.
func (p *progress) sending(body client.Body) client.Body {
	if isTerminal(p.app.err) {
		p.start("sending", body.Size, true)
	} else {
		p.app.say("%s: sending %s", plain(p.name), size(body.Size))
	}
	open := body.Open
	body.Open = func() (io.ReadCloser, error) {
		in, err := open()
		if err == nil && p.bar != nil {
			_ = p.bar.Set64(0)
			in = &counted{in, p.bar}
		}
		return in, err
	}
	return body
}

// rows shows how many rows have an outcome.
func (p *progress) rows(done, total int) { p.counts(p.verb, "rows decided", done, total) }

// files shows how many files were read.
func (p *progress) files(done, total int) {
	if done == 0 {
		p.told = time.Now() // there is nothing to tell yet
	}
	p.counts("reading", "files read", done, total)
}

func (p *progress) counts(verb, what string, done, total int) {
	if isTerminal(p.app.err) {
		if p.bar == nil {
			p.start(verb, int64(total), false)
		}
		_ = p.bar.Set(done)
		return
	}
	if time.Since(p.told) >= p.rest {
		p.told = time.Now()
		p.app.say("%s: %d of %d %s", plain(p.name), done, total, what)
	}
}

// counted moves a bar with what is read.
type counted struct {
	io.ReadCloser
	bar *progressbar.ProgressBar
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.ReadCloser.Read(b)
	_ = c.bar.Add(n)
	return n, err
}
