package devicefile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Kind is the format of a file.
type Kind string

// The formats.
const (
	CSV    Kind = "csv"
	JSON   Kind = "json"
	NDJSON Kind = "ndjson" // one device a line
)

// The charsets a file can be in.
const (
	utf8Text    = "utf-8"
	utf16Text   = "utf-16"
	windowsText = "windows-1252" // what is no UTF-8 comes from an old spreadsheet
)

// File is what there is to know of a file before it is sent.
type File struct {
	Kind    Kind
	Size    int64
	Digest  string // SHA-256 of the bytes, hex
	BOM     bool
	charset string
	devices span // of JSON
}

// ContentType is the media type to declare.
func (f File) ContentType() string {
	switch f.Kind {
	case JSON:
		return "application/json"
	case NDJSON:
		return "application/x-ndjson"
	}
	return "text/csv; charset=" + f.charset
}

// Inspect reads a file once. Errors are sentences for the sender.
func Inspect(r io.ReaderAt, size int64) (File, error) {
	f := File{Size: size}
	look := &looker{valid: true}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(sum, look), io.NewSectionReader(r, 0, size)); err != nil {
		return File{}, err
	}
	f.Digest = hex.EncodeToString(sum.Sum(nil))
	f.BOM, f.charset = look.charset()
	f.Kind = CSV
	switch first := look.first(f.charset); first {
	case 0:
		return File{}, errors.New("the file is empty")
	case '{', '[':
		f.Kind = JSON
	}
	if f.Kind == CSV {
		return f, nil
	}
	if f.charset != utf8Text {
		return File{}, fmt.Errorf("the file holds JSON in %s; save it as UTF-8", f.charset)
	}
	if lines, err := oneALine(r, f); lines || err != nil {
		f.Kind = NDJSON
		return f, err
	}
	var err error
	f.devices, err = findDevices(r, f)
	return f, err
}

// text reads the file as UTF-8 without its byte order mark.
func (f File) text(r io.ReaderAt) io.Reader {
	from := int64(0)
	if f.BOM && f.charset == utf8Text {
		from = 3
	}
	raw := io.NewSectionReader(r, from, f.Size-from)
	var enc encoding.Encoding
	switch f.charset {
	case utf16Text:
		enc = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case windowsText:
		enc = charmap.Windows1252
	default:
		return raw
	}
	return enc.NewDecoder().Reader(raw)
}

// looker watches the bytes of a file go by.
type looker struct {
	head  []byte
	tail  []byte // of a character that is cut by the edge of a write
	valid bool   // UTF-8 so far
}

const headSize = 4096

func (l *looker) Write(p []byte) (int, error) {
	n := len(p)
	l.head = append(l.head, p[:min(n, headSize-len(l.head))]...)
	if !l.valid {
		return n, nil
	}
	p = append(l.tail, p...)
	cut := len(p)
	for back := 1; back <= min(utf8.UTFMax-1, len(p)); back++ {
		if utf8.RuneStart(p[len(p)-back]) {
			if !utf8.FullRune(p[len(p)-back:]) {
				cut = len(p) - back
			}
			break
		}
	}
	l.valid = utf8.Valid(p[:cut])
	l.tail = append([]byte(nil), p[cut:]...)
	return n, nil
}

func (l *looker) charset() (bom bool, charset string) {
	switch {
	case bytes.HasPrefix(l.head, []byte("\xEF\xBB\xBF")):
		return true, utf8Text
	case bytes.HasPrefix(l.head, []byte("\xFF\xFE")), bytes.HasPrefix(l.head, []byte("\xFE\xFF")):
		return true, utf16Text
	case l.valid && len(l.tail) == 0:
		return false, utf8Text
	}
	return false, windowsText
}

// first returns the first byte that is not blank; 0 when there is none. In UTF-16
// the zero halves of characters are passed over like blanks.
func (l *looker) first(charset string) byte {
	head := bytes.TrimPrefix(l.head, []byte("\xEF\xBB\xBF"))
	if charset == utf16Text {
		head = bytes.ReplaceAll(head[2:], []byte{0}, nil)
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	if len(head) == 0 {
		return 0
	}
	return head[0]
}
