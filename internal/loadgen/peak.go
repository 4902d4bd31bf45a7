package loadgen

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"countersign/gateway/client"
	"countersign/models"
)

// crowd are the uploads in flight at once in P5, and the rows of its file; tests make do
// with fewer.
var crowd = struct{ uploads, rows int }{64, 1_000_000}

// peaking is P5: how far the server's memory rises over that of an idle one, with 64
// uploads of two megabytes in flight, and with one CSV of a million rows. The first is
// given as a part of twice the bodies' size, the second in MiB.
func (r *run) peaking(ctx context.Context) (Figure, error) {
	out := Figure{Of: "memory over idle: 64 uploads in flight / twice their bytes, a CSV of 1,000,000 rows in MiB", Goal: "≤ 1 and ≤ 64"}
	for _, one := range []struct {
		what string
		load func(*run, context.Context, *program, sender) (float64, error)
	}{{"uploads", (*run).holdUploads}, {"csv", (*run).sendCSV}} {
		over, idle, bytes, err := r.peakUnder(ctx, one.load)
		if err != nil {
			return Figure{}, err
		}
		value := over
		if one.what == "uploads" {
			value = over / (2 * bytes)
		}
		out.Values = append(out.Values, value)
		out.Detail = append(out.Detail, fmt.Sprintf("%s: idle %.0f MiB, peak %.0f MiB over that, with %.0f MiB of bodies.", one.what, idle, over, bytes))
	}
	return out, nil
}

// peakUnder runs a server of its own under a load, which returns the size of its bodies.
func (r *run) peakUnder(ctx context.Context, load func(*run, context.Context, *program, sender) (float64, error)) (over, idle, bytes float64, err error) {
	p, err := r.startProgram(ctx, "", nowhere)
	defer p.end()
	if err != nil {
		return 0, 0, 0, err
	}
	to, err := p.pair(ctx, "Memory")
	if err != nil {
		return 0, 0, 0, err
	}
	if err := sendAll(ctx, to, r.consign(to.tenant, 2, 10, padded).bodies); err != nil { // what is made once
		return 0, 0, 0, err
	}
	if _, _, idle, err = usage(p.cmd.Process.Pid); err != nil {
		return 0, 0, 0, err
	}
	if bytes, err = load(r, ctx, p, to); err != nil {
		return 0, 0, 0, fmt.Errorf("%w\n%s", err, p.log.String())
	}
	_, peak, _, err := usage(p.cmd.Process.Pid)
	return peak - idle, idle, bytes, err
}

// gate lets bodies end together.
type gate struct {
	io.Reader
	left  int64
	ready *sync.WaitGroup
	once  sync.Once
	open  <-chan struct{}
}

// Read keeps the last byte back until all others have come that far.
func (g *gate) Read(p []byte) (int, error) {
	if g.left <= 1 {
		g.once.Do(func() { g.ready.Done() })
		<-g.open
	} else if int64(len(p)) > g.left-1 {
		p = p[:g.left-1]
	}
	n, err := g.Reader.Read(p)
	g.left -= int64(n)
	return n, err
}

// holdUploads has all bodies but for their last byte at the server at once, for a moment.
func (r *run) holdUploads(ctx context.Context, _ *program, to sender) (float64, error) {
	c := r.consign(to.tenant, crowd.uploads, models.DispatchRows, random)
	ready, open := &sync.WaitGroup{}, make(chan struct{})
	ready.Add(len(c.bodies))
	total := int64(0)
	failed := make(chan error, len(c.bodies))
	for _, s := range c.bodies {
		total += s.Body.Size
		plain := s.Body.Open
		s.Body.Open = func() (io.ReadCloser, error) {
			body, err := plain()
			return io.NopCloser(&gate{Reader: body, left: s.Body.Size, ready: ready, open: open}), err
		}
		s.RequestID = client.NewRequestID()
		go func() {
			_, err := to.Submit(ctx, s)
			failed <- err
		}()
	}
	go func() {
		ready.Wait()
		time.AfterFunc(300*time.Millisecond, func() { close(open) })
	}()
	for range c.bodies {
		if err := <-failed; err != nil {
			return 0, err
		}
	}
	return float64(total) / (1 << 20), nil
}

// sendCSV sends one file, named by serial numbers.
func (r *run) sendCSV(ctx context.Context, p *program, to sender) (float64, error) {
	sent := &lines{rows: crowd.rows}
	_, err := to.Submit(ctx, client.Submission{Tenant: to.tenant, Batch: newID(), RequestID: client.NewRequestID(), Body: client.Body{
		ContentType: "text/csv", Size: -1, Open: func() (io.ReadCloser, error) { sent.at = 0; return io.NopCloser(sent), nil },
	}})
	if err != nil {
		return 0, err
	}
	var rows int
	if err := p.conn.QueryRow(ctx, "SELECT max(row_count) FROM uploads").Scan(&rows); err != nil || rows != crowd.rows {
		return 0, fmt.Errorf("%d of %d rows were accepted: %w", rows, crowd.rows, err)
	}
	return float64(sent.bytes) / (1 << 20), nil
}

// lines is a CSV that is made while it is read.
type lines struct {
	rows, at int
	rest     string
	bytes    int
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	for len(l.rest) < len(p) && l.at <= l.rows {
		if l.at == 0 {
			l.rest, l.bytes = "Device Serial Number,Manufacturer name,Device model\n", 0
		} else {
			l.rest += "NB-" + strconv.Itoa(l.at) + ",Fjordtek AS,Skerry 14\n"
		}
		l.at++
	}
	if l.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	l.bytes += n
	return n, nil
}
