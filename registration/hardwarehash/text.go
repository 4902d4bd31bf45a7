package hardwarehash

import (
	"bytes"
	"encoding/base64"
)

// Sizes. Every complete hash of today's tools has StandardRaw bytes, zero-padded,
// which is StandardText characters of base64.
const (
	StandardRaw  = 3000
	StandardText = 4000
	MaxRaw       = 3072
	MaxText      = 4096 // after blanks and line breaks are gone

	maxInput = 16 << 10 // with blanks and line breaks; bounds the work on hostile text
)

// ParseText turns the base64 form into bytes with the zero tail cut off. It
// checks what can be checked without reading records: alphabet, length, magic.
// The refusal is always an *Error.
func ParseText(text []byte) ([]byte, []Warning, error) {
	raw, warnings, err := parseText(text)
	return Trim(raw), warnings, err
}

func parseText(text []byte) ([]byte, []Warning, error) {
	if len(text) > maxInput {
		return nil, nil, refuse(ReasonTooLong, 0, "The text has %d characters; a hardware hash has at most %d.", len(text), MaxText)
	}
	text, warnings := unwrap(text)
	if err := checkText(text); err != nil {
		return nil, nil, err
	}
	body, warned := unpad(text)
	if warned {
		warnings = append(warnings, Warning{Code: WarnPadding, Detail: "The = signs at the end did not fit the length; they were put right."})
	}
	raw := make([]byte, base64.RawStdEncoding.DecodedLen(len(body)))
	if _, err := base64.RawStdEncoding.Decode(raw, body); err != nil {
		return nil, nil, badCharacter(body)
	}
	return raw, warnings, nil
}

// DecodeText is ParseText and Decode in one: it returns the report, which still
// knows the full size, and the bytes with the zero tail cut off.
func DecodeText(text []byte) (*Report, []byte, error) {
	raw, warnings, err := parseText(text)
	if err != nil {
		return nil, nil, err
	}
	report, err := Decode(raw)
	if err != nil {
		return nil, nil, err
	}
	report.Warnings = append(warnings, report.Warnings...)
	return report, Trim(raw), nil
}

// Text returns the usual text form: base64 of the bytes, zero-padded to
// StandardRaw if they are shorter.
func Text(raw []byte) string {
	if len(raw) < StandardRaw {
		padded := make([]byte, StandardRaw)
		copy(padded, raw)
		raw = padded
	}
	return base64.StdEncoding.EncodeToString(raw)
}

func unwrap(text []byte) ([]byte, []Warning) {
	var warnings []Warning
	if cut := bytes.TrimSpace(text); len(cut) != len(text) {
		text = cut
		warnings = append(warnings, Warning{Code: WarnBlanks, Detail: "Blanks around the hash were cut off."})
	}
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		text = bytes.ReplaceAll(bytes.ReplaceAll(text, []byte("\r"), nil), []byte("\n"), nil)
		warnings = append(warnings, Warning{Code: WarnLineBreaks, Detail: "The hash was wrapped over several lines; they were joined."})
	}
	return text, warnings
}

// checkText looks at the beginning before the alphabet, so that a value from
// another column is called that, and not a damaged hash.
func checkText(text []byte) error {
	switch {
	case len(text) == 0:
		return refuse(ReasonEmpty, 0, "The hardware hash is empty.")
	case len(text) > MaxText:
		return refuse(ReasonTooLong, 0, "The text has %d characters; a hardware hash has at most %d.", len(text), MaxText)
	case len(text) < 3 || text[0] != 'T' || text[1] != '0' || text[2] < 'E' || text[2] > 'H':
		return refuse(ReasonWrongMagic, 0, "This is not a hardware hash: one begins with T0E, T0F, T0G or T0H. Check that the right column was sent.")
	}
	return nil
}

// unpad takes the padding off and reports whether it was not what RFC 4648 asks.
func unpad(text []byte) ([]byte, bool) {
	body := bytes.TrimRight(text, "=")
	return body, (4-len(body)%4)%4 != len(text)-len(body)
}

// badCharacter finds why a text does not decode: a foreign character first,
// otherwise its length.
func badCharacter(body []byte) *Error {
	for i, c := range body {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			continue
		case c == '.' || bytes.HasPrefix(body[i:], []byte("…")):
			return refuse(ReasonElided, i, "From character %d on, dots stand for characters that were left out. Send the whole hash.", i+1)
		case c < 0x20 || c > 0x7E:
			return refuse(ReasonBadBase64, i, "Character %d is not part of base64. Capture or copy the hash again.", i+1)
		}
		return refuse(ReasonBadBase64, i, "Character %d is %q, which is not part of base64. Capture or copy the hash again.", i+1, c)
	}
	return refuse(ReasonBase64Length, len(body), "The text has %d characters, a number that base64 cannot have: characters were lost. Capture or copy the hash again.", len(body))
}
