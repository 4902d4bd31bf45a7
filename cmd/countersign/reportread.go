package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"time"

	"countersign/cmd/countersign/internal/factoryfile"
	"countersign/cmd/countersign/internal/reportbook"
	"countersign/gateway/client"
)

// machines remembers which machines reports hold, by what they are recognised by.
type machines struct {
	marks   map[uint64]uint64 // to the report line that bears the mark
	unknown bool              // there are reports whose machines are not known
}

var markSeed = maphash.MakeSeed()

// holdsOther reports whether a machine is there with something else said about it.
func (m *machines) holdsOther(marks []string, line uint64) bool {
	for _, mark := range marks {
		if other, there := m.marks[maphash.String(markSeed, mark)]; there && other != line {
			return true
		}
	}
	return false
}

func (m *machines) add(marks []string, line uint64) {
	if m.marks == nil {
		m.marks = map[uint64]uint64{}
	}
	for _, mark := range marks {
		m.marks[maphash.String(markSeed, mark)] = line
	}
}

// join takes over the machines of a report that was sent.
func (m *machines) join(sent machines) {
	if m.marks == nil {
		m.marks = map[uint64]uint64{}
	}
	for mark, line := range sent.marks {
		m.marks[mark] = line
	}
}

// gathering is the report being put together.
type gathering struct {
	spool    *reportbook.Spool
	group    *reportbook.Group
	rows     int
	machines machines
	reportID string // the file's own, whose report it is alone
}

func (g *gathering) discard() error {
	if g.spool == nil {
		return nil
	}
	err := g.spool.Discard()
	*g = gathering{}
	return err
}

// readAll reads the files that are new or changed and sends them.
func (r *reporter) readAll(ctx context.Context, files []foundFile) error {
	r.present = make(map[string]bool, len(files))
	for n, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.progress.files(n, len(files))
		r.present[f.name] = true
		err := r.read(ctx, f.name)
		var refused *factoryfile.Refusal
		switch {
		case errors.As(err, &refused):
			r.passOver(f.name, refused)
		case err != nil:
			return err
		}
	}
	return r.flush(ctx)
}

// read takes one file in; a *factoryfile.Refusal is about this file alone.
func (r *reporter) read(ctx context.Context, name string) error {
	if factoryfile.HoldsKey(name) {
		return &factoryfile.Refusal{Cause: factoryfile.InputKey, Sentence: "The name of the file is a 5x5 product key. Rename it; nothing of it was sent or kept."}
	}
	file, err := os.Open(r.set.path(name))
	if err != nil {
		return &factoryfile.Refusal{Cause: factoryfile.Broken, Sentence: fmt.Sprintf("The file cannot be read: %v.", errors.Unwrap(err))}
	}
	err = r.readFile(ctx, name, file)
	_ = file.Close() // it was only read
	if errors.Is(err, factoryfile.ErrChanged) {
		return &factoryfile.Refusal{Cause: factoryfile.Broken, Sentence: "The file was changed while it was read. Run the command again."}
	}
	return err
}

func (r *reporter) readFile(ctx context.Context, name string, file *os.File) error {
	digest, err := factoryfile.DigestOf(file)
	if err != nil {
		return err
	}
	next, whole := r.ledger.Next(name, digest)
	if whole && (!r.options.again || r.resumed[name]) {
		r.out.Files.Unchanged++
		return nil
	}
	if whole {
		next = 0
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	info, err := factoryfile.Inspect(file, size)
	if err != nil {
		return err
	}
	in := intake{reporter: r, name: name, info: info, next: next}
	if info.Format != factoryfile.OA3 { // one bad file must not hold up the machines of others
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	if err := in.take(ctx, file, size); err != nil {
		return err
	}
	r.out.Files.Sent++
	if info.Format != factoryfile.OA3 {
		return r.flush(ctx)
	}
	return nil
}

// intake takes the keys of one file.
type intake struct {
	*reporter
	name string
	info factoryfile.File
	next int // the first key that is not reported yet
	seen int
}

// take reads a file that fits into one report whole before it adds any of it, so that
// one that changes under our hands leaves nothing behind. A larger one has reports of
// its own.
func (in *intake) take(ctx context.Context, file *os.File, size int64) error {
	if in.info.Keys > in.options.group {
		if err := in.flush(ctx); err != nil {
			return err
		}
		err := in.info.Each(file, size, func(k factoryfile.Key) error { return in.key(ctx, k) })
		if err != nil {
			return errors.Join(err, in.current.discard())
		}
		return nil
	}
	keys := make([]factoryfile.Key, 0, in.info.Keys)
	err := in.info.Each(file, size, func(k factoryfile.Key) error {
		keys = append(keys, k)
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range keys {
		if err := in.key(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// key adds one key to the report being put together. What says something else about
// a machine that is in it begins the next report: inside one, the gateway takes the
// first.
func (in *intake) key(ctx context.Context, k factoryfile.Key) error {
	in.seen++
	if in.seen <= in.next {
		return nil
	}
	marks, line := k.Marks(), maphash.Bytes(markSeed, k.Line)
	alone := in.info.ReportID != ""
	full := !alone && in.current.rows >= in.options.group
	if full || !alone && in.current.machines.holdsOther(marks, line) {
		if err := in.flush(ctx); err != nil {
			return err
		}
	}
	after := in.earlier.unknown || in.earlier.holdsOther(marks, line)
	if err := in.write(k.Line); err != nil {
		return fmt.Errorf("the report cannot be kept in the folder, so it was not sent: %w", err)
	}
	in.current.group.After = in.current.group.After || after
	in.current.machines.add(marks, line)
	in.current.rows++
	in.addPart()
	return nil
}

func (in *intake) write(line []byte) error {
	c := &in.current
	if c.spool == nil {
		if err := in.begin(); err != nil {
			return err
		}
	} else if c.reportID != "" {
		line = append([]byte(","), line...)
	}
	_, err := c.spool.Write(append(line, '\n'))
	return err
}

// begin starts a report. A file with a report id of its own is sent as the JSON it
// is, because the id is in the body.
func (in *intake) begin() error {
	c := &in.current
	id := client.NewRequestID()
	spool, err := in.book.Spool(id)
	if err != nil {
		return err
	}
	c.spool, c.reportID = spool, in.info.ReportID
	c.group = &reportbook.Group{Target: in.target, RequestID: id, CreatedAt: time.Now().UTC(), ContentType: client.NDJSON}
	if c.reportID == "" {
		return nil
	}
	c.group.ContentType = client.JSON
	quoted, err := json.Marshal(c.reportID)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(spool, `{"customerReportUniqueId":%s,"keys":[`, quoted)
	return err
}

func (in *intake) addPart() {
	parts := in.current.group.Parts
	if n := len(parts); n > 0 && parts[n-1].File == in.name {
		parts[n-1].Keys++
		return
	}
	in.current.group.Parts = append(parts, reportbook.Part{
		File: in.name, Digest: in.info.Digest, First: in.seen - 1, Keys: 1, Of: in.info.Keys,
	})
}

// flush writes the report down and sends it.
func (r *reporter) flush(ctx context.Context) error {
	c := r.current
	if c.spool == nil {
		return nil
	}
	if c.reportID != "" {
		if _, err := io.WriteString(c.spool, "]}"); err != nil {
			return err
		}
	}
	var err error
	if c.group.Digest, c.group.Size, err = c.spool.Close(); err != nil {
		return err
	}
	r.current = gathering{}
	if err := r.book.Begin(c.group); err != nil {
		return err
	}
	r.ledger.Add(c.group)
	r.progress.stop()
	if c.group.After {
		if err := r.settleEarlier(ctx, c.group); err != nil {
			return err
		}
	}
	if err := r.send(ctx, c.group); err != nil {
		return err
	}
	r.earlier.join(c.machines)
	return nil
}

// passOver notes a file that is not sent.
func (r *reporter) passOver(name string, why *factoryfile.Refusal) {
	name = factoryfile.WithoutKey(name)
	if why.Cause == factoryfile.NotReport && r.set.names == nil {
		r.out.Files.Skipped++
		if len(r.out.Skipped) < shownFailures {
			r.out.Skipped = append(r.out.Skipped, passedOver{name, why.Sentence})
		}
		return
	}
	r.out.Files.Refused++
	r.refused = append(r.refused, refusedFile{name, why.Cause, why.Sentence})
}
