package factoryfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"countersign/gateway/wire"
	"countersign/registration/hardwarehash"
)

// Format is how a report is written.
type Format string

// The formats.
const (
	OA3    Format = "oa3"    // XML of OA3Tool
	JSON   Format = "json"   // a build report, or the bare list of its keys
	NDJSON Format = "ndjson" // one key a line
)

// File is what there is to know of a report before it is sent.
type File struct {
	Format   Format
	Digest   string // SHA-256 of the bytes, hex
	Keys     int    // machines in it
	ReportID string // the report's own CustomerReportUniqueID, if it states one
}

// Cause says why a file is not sent.
type Cause string

// The causes.
const (
	InputKey  Cause = "product_key"  // it holds a 5x5 product key
	NotReport Cause = "not_a_report" // sound, but something else
	Broken    Cause = "unreadable"
)

// Refusal says that a file is not sent, in a sentence for the sender.
type Refusal struct {
	Cause    Cause
	Sentence string
}

// Error gives the sentence.
func (r *Refusal) Error() string { return r.Sentence }

func refuse(cause Cause, format string, args ...any) error {
	return &Refusal{cause, fmt.Sprintf(format, args...)}
}

// ErrChanged says that a file is not what it was when it was inspected.
var ErrChanged = errors.New("the file was changed while it was read")

// Key is one machine of a report.
type Key struct {
	Line []byte // wire.BuildReportKey as JSON, without a line end
}

// Inspect reads a file to its end and checks it. Refusals are *Refusal.
func Inspect(r io.ReaderAt, size int64) (File, error) {
	return scan(r, size, func(Key) error { return nil })
}

// Each gives the keys of a file that was inspected. A file that has changed since
// gives ErrChanged at its end; what was given before must be thrown away then.
func (f File) Each(r io.ReaderAt, size int64, give func(Key) error) error {
	now, err := scan(r, size, give)
	var refused *Refusal
	if errors.As(err, &refused) || err == nil && now.Digest != f.Digest {
		return ErrChanged
	}
	return err
}

// DigestOf is the digest a File of these bytes has.
func DigestOf(r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// scan reads a file once, to its end.
func scan(r io.ReaderAt, size int64, give func(Key) error) (File, error) {
	sum := sha256.New()
	raw := io.TeeReader(io.NewSectionReader(r, 0, size), sum)
	secrets := &keyWatch{}
	text := io.TeeReader(transform.NewReader(raw, unicode.BOMOverride(transform.Nop)), secrets)
	head := make([]byte, 512)
	n, err := io.ReadFull(text, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return File{}, err
	}
	text = io.MultiReader(bytes.NewReader(head[:n]), text)
	f := File{}
	counted := func(k Key) error {
		f.Keys++
		return give(k)
	}
	switch first := bytes.TrimLeft(head[:n], " \t\r\n"); {
	case len(first) == 0:
		err = refuse(Broken, "The file is empty.")
	case first[0] == '<':
		f.Format = OA3
		err = readOA3(text, counted)
	case first[0] == '{', first[0] == '[':
		f.Format, f.ReportID, err = readJSON(text, counted)
	default:
		err = refuse(NotReport, "This is neither XML nor JSON, so it is no report of a factory.")
	}
	if _, rest := io.Copy(io.Discard, text); rest != nil && err == nil {
		err = rest
	}
	if secrets.found {
		err = errInputKey
	}
	if err == nil && f.Keys == 0 {
		err = refuse(NotReport, "There is no key of a machine in this file, so there is nothing to report.")
	}
	f.Digest = hex.EncodeToString(sum.Sum(nil))
	return f, err
}

// Marks are what a machine is recognised by, as far as the key says: two reports of
// one machine share at least one. They are for comparing only.
func (k Key) Marks() []string {
	var key wire.BuildReportKey
	if json.Unmarshal(k.Line, &key) != nil {
		return nil
	}
	var marks []string
	if id := strings.TrimSpace(key.ProductKey); id != "" {
		marks = append(marks, "K"+id)
	}
	report, _, err := hardwarehash.DecodeText([]byte(key.HardwareHash))
	if err != nil {
		return marks
	}
	id := report.Identity()
	if id.EK != (hardwarehash.Digest{}) {
		marks = append(marks, "E"+string(id.EK[:]))
	}
	if id.Serial != "" {
		marks = append(marks, "S"+id.Manufacturer+"\x00"+id.Serial)
	}
	if id.ProductKeyID != "" && key.ProductKey == "" {
		marks = append(marks, "K"+id.ProductKeyID)
	}
	return marks
}
