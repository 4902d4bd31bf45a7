package hardwarehash

import (
	"errors"
	"fmt"
)

// Reason says in one stable word why something is not a hardware hash. The words
// are public: they appear in outcomes and may be matched by programs.
type Reason string

// The reasons, from the outside in.
const (
	ReasonEmpty          Reason = "empty"             // no characters or bytes at all
	ReasonTooLong        Reason = "too_long"          // more than MaxText characters or MaxRaw bytes
	ReasonWrongMagic     Reason = "wrong_magic"       // does not begin with "OA": something else was sent
	ReasonElided         Reason = "elided"            // dots stand where characters were left out
	ReasonBadBase64      Reason = "bad_base64"        // a character outside the base64 alphabet
	ReasonBase64Length   Reason = "bad_base64_length" // a number of characters that no base64 text has
	ReasonTooShort       Reason = "too_short"         // ends inside the first four bytes
	ReasonDeclaredLength Reason = "declared_length"   // states a length shorter than its own header
	ReasonTruncated      Reason = "truncated"         // ends before the trailer that it announces
	ReasonRecordLength   Reason = "record_length"     // a record states fewer bytes than its own header has
	ReasonRecordOverrun  Reason = "record_overrun"    // a record states more bytes than are left before the trailer
	ReasonRecordsEnd     Reason = "records_end"       // records do not end where the trailer begins
	ReasonTrailerMissing Reason = "trailer_missing"   // no "CS" after the records
	ReasonTrailerLength  Reason = "trailer_length"    // the trailer does not state its 36 bytes
	ReasonDigest         Reason = "digest_mismatch"   // the SHA-256 does not fit: a byte was changed
	ReasonXML            Reason = "decoded_xml"       // a decoded hash that cannot be read back
)

// Error is a refusal. It never contains the hash itself.
type Error struct {
	Reason Reason
	Offset int    // where in the text or bytes the problem stands; 0 when the whole is meant
	Record int    // number of the record that is meant, from 1; 0 when none is
	Type   uint16 // of that record
	Detail string // a sentence for the sender that says what to do
}

// Error gives the reason and the sentence.
func (e *Error) Error() string { return "hardware hash: " + string(e.Reason) + ": " + e.Detail }

// Is matches any Error of the same reason.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Reason == e.Reason
}

// ReasonOf returns the reason inside err, empty if err carries none.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

func refuse(reason Reason, offset int, format string, args ...any) *Error {
	return &Error{Reason: reason, Offset: offset, Detail: fmt.Sprintf(format, args...)}
}

// Warning is something unusual that does not stop a hash from being used.
type Warning struct {
	Code   string `json:"code"`            // stable word
	Field  string `json:"field,omitempty"` // OA3Tool's field name or "record N"; empty when the whole is meant
	Detail string `json:"detail"`
}

// The codes of decoding warnings.
const (
	WarnBlanks      = "outer_blanks"       // blanks around the text were cut off
	WarnLineBreaks  = "line_breaks"        // the text was wrapped over lines
	WarnPadding     = "padding_repaired"   // the "=" at the end were missing or too many
	WarnOversize    = "over_standard_size" // longer than 3000 bytes
	WarnTail        = "tail_not_zero"      // bytes after the digest that should be zero
	WarnDigestZeros = "digest_zeros_cut"   // zeros that belong to the digest were cut off with the padding
	WarnMalformed   = "record_malformed"   // a known record is too short or inconsistent; its values are unknown
	WarnRepeated    = "record_repeated"    // a record that stands once came again; the first counts
	WarnNotUTF8     = "text_not_utf8"      // text that is not UTF-8 was read as Latin-1
	WarnFromXML     = "from_decoded_xml"   // read from a decode, which no check sum vouches for
	WarnEKDigest    = "ek_digest_mismatch" // OfflineDeviceId is not the SHA-256 of the endorsement key
)
