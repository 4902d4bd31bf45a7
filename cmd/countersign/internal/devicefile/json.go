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

// span is where the devices stand in a JSON file.
type span struct {
	bare     bool   // the file is the list itself
	name     string // BatchId
	from, to int64  // of the list with its brackets, in the file
}

// BatchName is the batch a JSON file names; empty for a bare list and for CSV.
func (f File) BatchName() string { return f.devices.name }

// findDevices reads the file to its end, so that broken JSON is told before
// anything is sent.
func findDevices(r io.ReaderAt, f File) (span, error) {
	from := f.textStart()
	dec := json.NewDecoder(io.NewSectionReader(r, from, f.Size-from))
	s := span{from: -1}
	err := s.read(dec)
	if err == nil && s.from < 0 {
		return s, errors.New(`the file has no list "devices"`)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the file ends too early")
	}
	if err != nil {
		return s, fmt.Errorf("the JSON is broken near byte %d: %w", from+dec.InputOffset(), err)
	}
	s.from, s.to = s.from+from, s.to+from
	return s, nil
}

func (s *span) read(dec *json.Decoder) error {
	token, err := dec.Token()
	if err != nil {
		return err
	}
	if s.bare = token == json.Delim('['); s.bare {
		if err := s.list(dec); err != nil {
			return err
		}
		return atEnd(dec)
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		if err := s.member(dec, strings.ToLower(fmt.Sprint(name))); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	return atEnd(dec)
}

func (s *span) member(dec *json.Decoder, name string) error {
	var value json.RawMessage
	switch name {
	case "devices":
		if s.from >= 0 {
			return errors.New(`the member "devices" is there twice`)
		}
		if token, err := dec.Token(); err != nil || token != json.Delim('[') {
			return errors.Join(err, errors.New(`the member "devices" is not a list`))
		}
		return s.list(dec)
	case "batchid":
		if err := dec.Decode(&value); err != nil {
			return err
		}
		_ = json.Unmarshal(value, &s.name) // what is no text is the gateway's to refuse
		return nil
	}
	return dec.Decode(&value)
}

// list reads past the devices; the opening bracket was just read.
func (s *span) list(dec *json.Decoder) error {
	s.from = dec.InputOffset() - 1
	var device json.RawMessage
	for dec.More() {
		if err := dec.Decode(&device); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	s.to = dec.InputOffset()
	return err
}

func atEnd(dec *json.Decoder) error {
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the list")
	}
	return nil
}

// outcomeMember is the member of a device that holds its outcome. The gateway
// ignores it when the file is submitted again.
const outcomeMember = "countersign"

// writeJSON copies the file, with an outcome in each of its devices.
func (m merge) writeJSON(out *bufio.Writer) error {
	devices := m.file.devices
	if _, err := io.Copy(out, io.NewSectionReader(m.in, 0, devices.from)); err != nil {
		return err
	}
	dec := json.NewDecoder(io.NewSectionReader(m.in, devices.from, devices.to-devices.from))
	if _, err := dec.Token(); err != nil {
		return err
	}
	next, stop := iter.Pull2(m.rows)
	defer stop()
	separator := "["
	for n := 1; dec.More(); n++ {
		var device json.RawMessage
		if err := dec.Decode(&device); err != nil {
			return err
		}
		outcome, err := take(next, n)
		if err != nil {
			return err
		}
		if m.leaves(outcome) {
			continue
		}
		written, err := withOutcome(device, OutcomeOf(outcome))
		if err != nil {
			return err
		}
		_, _ = out.WriteString(separator + "\n") // a failed write comes back at Flush
		_, _ = out.Write(written)
		separator = ","
	}
	if separator == "[" {
		_, _ = out.WriteString(separator)
	}
	_, _ = out.WriteString("\n]")
	_, err := io.Copy(out, io.NewSectionReader(m.in, devices.to, m.file.Size-devices.to))
	return err
}

// withOutcome adds the outcome to a device and leaves its other members as they
// are, in their order. What is no object becomes the member "value" of one.
func withOutcome(device json.RawMessage, outcome Outcome) ([]byte, error) {
	var out bytes.Buffer
	if trimmed := bytes.TrimSpace(device); trimmed[0] != '{' {
		return json.Marshal(map[string]any{"value": device, outcomeMember: outcome})
	}
	dec := json.NewDecoder(bytes.NewReader(device))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	out.WriteByte('{')
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if name == outcomeMember {
			continue // of a former result
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		out.Write(quoted)
		out.WriteByte(':')
		out.Write(value)
		out.WriteByte(',')
	}
	written, err := json.Marshal(outcome)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&out, "%q:%s}", outcomeMember, written)
	return out.Bytes(), nil
}
