package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"countersign/cmd/countersign/internal/factoryfile"
	"countersign/registration/hardwarehash"
)

// mostHashInput is far above any hash or factory report.
const mostHashInput = 4 << 20

// hashInput reads what one argument names: a file, or standard input for "-" and for
// no argument at all.
func (a *app) hashInput(args []string) ([]byte, error) {
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return nil, withoutKey(err)
		}
		text, err := io.ReadAll(io.LimitReader(file, mostHashInput))
		return text, errors.Join(err, file.Close())
	}
	if isTerminal(a.in) {
		return nil, errors.New("name a file, or give the hash on standard input")
	}
	return io.ReadAll(io.LimitReader(a.in, mostHashInput))
}

// foundHash is a hash of an input, or why it cannot be read.
type foundHash struct {
	productKeyID string // as the file states it beside the hash
	report       *hardwarehash.Report
	err          error
}

// findHashes takes hashes in any form people have them in. At least one is found, or
// the error says what the input is instead.
func findHashes(input []byte) ([]foundHash, error) {
	if bytes.HasPrefix(input, []byte("OA")) {
		report, err := hardwarehash.Decode(input)
		return []foundHash{{report: report, err: err}}, nil
	}
	text, _, err := transform.Bytes(unicode.BOMOverride(transform.Nop), input)
	if err != nil {
		return nil, fmt.Errorf("the text is not what its first bytes say: %w", err)
	}
	switch {
	case hardwarehash.IsXML(text):
		report, err := hardwarehash.ParseXML(text)
		return []foundHash{{report: report, err: err}}, nil
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("<")):
		return factoryHashes(text)
	}
	return []foundHash{decodeText(text)}, nil
}

// oneHash is for commands that speak about one device.
func oneHash(input []byte) (*hardwarehash.Report, error) {
	found, err := findHashes(input)
	if err != nil {
		return nil, err
	}
	if len(found) > 1 {
		return nil, fmt.Errorf("there are %d hashes in this file; give one with a single hash", len(found))
	}
	return found[0].report, found[0].err
}

func decodeText(text []byte) foundHash {
	report, _, err := hardwarehash.DecodeText(bytes.TrimRight(text, "\r\n")) // the line end is the file's, not the hash's
	return foundHash{report: report, err: err}
}

// factoryHashes reads the hashes of OA3 files. A 5x5 product key that stands beside
// them is not looked at.
func factoryHashes(text []byte) ([]foundHash, error) {
	dec := xml.NewDecoder(bytes.NewReader(text))
	dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil } // it is UTF-8 by now
	var found []foundHash
	var key struct{ id, hash, name string }
	for {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line, _ := dec.InputPos() // the parser's own words may quote the file
			return nil, fmt.Errorf("the XML is broken or cut off near line %d", line)
		}
		switch t := token.(type) {
		case xml.StartElement:
			key.name = t.Name.Local
		case xml.CharData:
			switch key.name {
			case "HardwareHash":
				key.hash += string(t)
			case "ProductKeyID":
				key.id += string(t)
			}
		case xml.EndElement:
			key.name = ""
			if t.Name.Local == "HardwareHash" {
				found = append(found, decodeText([]byte(strings.TrimSpace(key.hash))))
				key.hash = ""
			}
			if t.Name.Local == "Key" {
				nameLast(found, strings.TrimSpace(key.id))
				key.id = ""
			}
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case factoryfile.HoldsKey(string(text)):
		return nil, errors.New("this is an input file of OA3Tool with a 5x5 product key: it holds no hash. Keep it where only the line can read it")
	}
	return nil, errors.New("there is no HardwareHash in this XML; give the file OA3Tool writes with /Report")
}

// nameLast gives the key's id to its hash. A 5x5 key in the wrong place stays unseen.
func nameLast(found []foundHash, id string) {
	if n := len(found); n > 0 && found[n-1].productKeyID == "" && !factoryfile.HoldsKey(id) {
		found[n-1].productKeyID = id
	}
}
