package factoryfile

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"countersign/gateway/wire"
)

// jsonReport reads a build report.
type jsonReport struct {
	dec  *json.Decoder
	give func(Key) error
	id   string
}

// readJSON reads a report, a bare list, or one key a line. Keys are passed on as
// they are: what is wrong inside one is the gateway's to say, for its row.
func readJSON(text io.Reader, give func(Key) error) (Format, string, error) {
	in := bufio.NewReaderSize(text, headSize)
	format := JSON
	if isLines(in) {
		format = NDJSON
	}
	j := &jsonReport{dec: json.NewDecoder(in), give: give}
	var err error
	if format == NDJSON {
		err = j.lines()
	} else {
		err = j.report()
	}
	var refused *Refusal
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errShape) && !errors.As(err, &refused) {
		err = refuse(Broken, "The JSON is broken or no build report near byte %d.", j.dec.InputOffset())
	}
	return format, j.id, err
}

// errShape says that something else was expected.
var errShape = errors.New("not the shape of a report")

const headSize = 4096

// isLines tells one key a line from a report by the first member's name.
func isLines(in *bufio.Reader) bool {
	head, _ := in.Peek(headSize) // a short file gives what it has
	dec := json.NewDecoder(bytes.NewReader(head))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return false
	}
	name, err := dec.Token()
	return err == nil && !isMember(name, "keys") && !isMember(name, "customerReportUniqueId") && name != json.Delim('}')
}

func isMember(token json.Token, name string) bool {
	return strings.EqualFold(fmt.Sprint(token), name)
}

func (j *jsonReport) lines() error {
	for {
		var key json.RawMessage
		err := j.dec.Decode(&key)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := j.key(key); err != nil {
			return err
		}
	}
}

func (j *jsonReport) report() error {
	first, err := j.dec.Token()
	if err != nil {
		return err
	}
	if first == json.Delim('[') {
		err = j.list()
	} else {
		err = j.members()
	}
	if err != nil {
		return err
	}
	if _, err := j.dec.Token(); !errors.Is(err, io.EOF) {
		return errShape
	}
	return nil
}

func (j *jsonReport) members() error {
	for j.dec.More() {
		name, err := j.dec.Token()
		if err != nil {
			return err
		}
		switch {
		case isMember(name, "customerReportUniqueId"):
			if err := j.dec.Decode(&j.id); err != nil {
				return errShape
			}
		case isMember(name, "keys"):
			if open, err := j.dec.Token(); err != nil || open != json.Delim('[') {
				return errShape
			}
			if err := j.list(); err != nil {
				return err
			}
		default:
			return refuse(Broken, "The report has a member near byte %d that is neither customerReportUniqueId nor keys.", j.dec.InputOffset())
		}
	}
	_, err := j.dec.Token()
	return err
}

// list reads the keys; the opening bracket was just read.
func (j *jsonReport) list() error {
	for j.dec.More() {
		var key json.RawMessage
		if err := j.dec.Decode(&key); err != nil {
			return err
		}
		if err := j.key(key); err != nil {
			return err
		}
	}
	_, err := j.dec.Token()
	return err
}

func (j *jsonReport) key(raw json.RawMessage) error {
	var read wire.BuildReportKey
	if json.Unmarshal(raw, &read) == nil && isBareKey(read.ProductKey) {
		return errInputKey
	}
	var line bytes.Buffer
	if err := json.Compact(&line, raw); err != nil {
		return err
	}
	return j.give(Key{line.Bytes()})
}
