package devicefile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
)

// oneALine reports whether a file of JSON is a list of devices, one
// JSON object a line: another object follows the first, or the only one is a device.
// What it cannot read is left to findDevices to complain about.
func oneALine(r io.ReaderAt, f File) (bool, error) {
	from := f.textStart()
	dec := json.NewDecoder(io.NewSectionReader(r, from, f.Size-from))
	device, ok := firstObject(dec)
	if !ok {
		return false, nil
	}
	end := from + dec.InputOffset()
	if _, err := dec.Token(); errors.Is(err, io.EOF) {
		return device, nil
	}
	first := io.NewSectionReader(r, from, end-from)
	lines := 0
	for in := bufio.NewScanner(first); in.Scan(); {
		if strings.TrimSpace(in.Text()) != "" {
			lines++
		}
	}
	if lines != 1 {
		return false, errors.New("the file holds several JSON objects, but not one in each line; write one device a line, or a list [ … ]")
	}
	return true, nil
}

// firstObject reads the first object; device says that its members are a device's.
func firstObject(dec *json.Decoder) (device, ok bool) {
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return false, false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil || strings.EqualFold(fmt.Sprint(name), "devices") {
			return false, false
		}
		device = device || identifying[foldTitle(fmt.Sprint(name))]
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return false, false
		}
	}
	_, err := dec.Token()
	return device, err == nil
}

// textStart is where the text begins after a byte order mark in UTF-8.
func (f File) textStart() int64 {
	if f.BOM {
		return 3
	}
	return 0
}

// writeNDJSON copies the file line by line, with an outcome in each of its devices.
func (m merge) writeNDJSON(out *bufio.Writer) error {
	from := m.file.textStart()
	in := bufio.NewReaderSize(io.NewSectionReader(m.in, from, m.file.Size-from), 64<<10)
	next, stop := iter.Pull2(m.rows)
	defer stop()
	for n := 1; ; {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		last := err != nil
		if line = bytes.TrimSpace(line); len(line) > 0 {
			if err := m.writeLine(out, line, next, n); err != nil {
				return err
			}
			n++
		}
		if last {
			return exhausted(next, n-1)
		}
	}
}

func (m merge) writeLine(out *bufio.Writer, line []byte, next func() (row, error, bool), n int) error {
	outcome, err := take(next, n)
	if err != nil || m.leaves(outcome) {
		return err
	}
	if !json.Valid(line) {
		if line, err = json.Marshal(string(line)); err != nil {
			return err
		}
	}
	written, err := withOutcome(line, OutcomeOf(outcome))
	if err != nil {
		return err
	}
	_, _ = out.Write(append(written, '\n')) // a failed write comes back at Flush
	return nil
}
