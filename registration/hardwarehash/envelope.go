package hardwarehash

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

const (
	headerLen  = 4 // of the envelope and of each record
	digestLen  = sha256.Size
	trailerLen = headerLen + digestLen
)

// Record is one entry of the envelope, known or not.
type Record struct {
	Type uint16
	Data []byte // without the four header bytes
}

// envelope is a hash taken apart but not interpreted.
type envelope struct {
	records  []Record
	declared int // T: bytes before the trailer
	tail     []byte
	size     int // of the whole input
	warnings []Warning
}

// Trim cuts the zero padding behind the digest and nothing else: zeros at the end
// of the digest itself stay. What is not a whole hash comes back unchanged.
func Trim(raw []byte) []byte {
	if len(raw) < headerLen {
		return raw
	}
	end := int(binary.LittleEndian.Uint16(raw[2:])) + trailerLen
	if end >= len(raw) || len(bytes.Trim(raw[end:], "\x00")) != 0 {
		return raw
	}
	return raw[:end]
}

// open checks the envelope from the outside in: sizes, records, trailer, digest.
func open(raw []byte) (*envelope, error) {
	declared, err := checkHeader(raw)
	if err != nil {
		return nil, err
	}
	env := &envelope{declared: declared, size: len(raw)}
	if env.records, err = split(raw[:declared]); err != nil {
		return nil, err
	}
	if err = env.checkTrailer(raw); err != nil {
		return nil, err
	}
	if len(raw) > StandardRaw {
		env.warn(WarnOversize, "The hash has %d bytes; the tools write %d.", len(raw), StandardRaw)
	}
	return env, nil
}

func checkHeader(raw []byte) (int, error) {
	switch {
	case len(raw) == 0:
		return 0, refuse(ReasonEmpty, 0, "The hardware hash is empty.")
	case len(raw) > MaxRaw:
		return 0, refuse(ReasonTooLong, 0, "The hash has %d bytes; at most %d are taken.", len(raw), MaxRaw)
	case raw[0] != 'O' || len(raw) > 1 && raw[1] != 'A':
		return 0, refuse(ReasonWrongMagic, 0, "This is not a hardware hash: it does not begin with the letters OA.")
	case len(raw) < headerLen:
		return 0, refuse(ReasonTooShort, len(raw), "The hash ends after %d bytes.", len(raw))
	}
	declared := int(binary.LittleEndian.Uint16(raw[2:]))
	if declared < headerLen {
		return 0, refuse(ReasonDeclaredLength, 2, "The hash states a length of %d bytes, less than its own header.", declared)
	}
	if declared > len(raw)-trailerLen && !endsInsideDigest(raw, declared) {
		return 0, refuse(ReasonTruncated, len(raw), "The hash announces %d bytes and ends after %d: the end was cut off. Send the whole hash.", declared+trailerLen, len(raw))
	}
	return declared, nil
}

// endsInsideDigest recognises a sender that cut all zeros at the end, including
// those of a digest that happens to end in zeros: what is left fits the digest
// and what is missing is zero.
func endsInsideDigest(raw []byte, declared int) bool {
	if len(raw) < declared+headerLen {
		return false
	}
	sum := sha256.Sum256(raw[:declared])
	have := raw[declared+headerLen:]
	missing := sum[min(len(have), digestLen):]
	return bytes.HasPrefix(sum[:], have) && len(bytes.Trim(missing, "\x00")) == 0
}

// split walks the records of the declared part.
func split(body []byte) ([]Record, error) {
	records := make([]Record, 0, 32)
	at := headerLen
	for at < len(body) {
		if len(body)-at < headerLen {
			return nil, refuse(ReasonRecordsEnd, at, "The records end %d bytes before the trailer.", len(body)-at)
		}
		kind := binary.LittleEndian.Uint16(body[at:])
		length := int(binary.LittleEndian.Uint16(body[at+2:]))
		if length < headerLen || length > len(body)-at {
			return nil, refuse(ReasonRecordLength, at, "Record type %d at byte %d states the impossible length %d.", kind, at, length)
		}
		records = append(records, Record{Type: kind, Data: body[at+headerLen : at+length : at+length]})
		at += length
	}
	return records, nil
}

func (env *envelope) checkTrailer(raw []byte) error {
	at := env.declared
	if raw[at] != 'C' || raw[at+1] != 'S' {
		return refuse(ReasonTrailerMissing, at, "The letters CS do not stand at byte %d, where the records end.", at)
	}
	if length := binary.LittleEndian.Uint16(raw[at+2:]); length != trailerLen {
		return refuse(ReasonTrailerLength, at+2, "The trailer states %d bytes instead of %d.", length, trailerLen)
	}
	sum := sha256.Sum256(raw[:at])
	end := min(at+trailerLen, len(raw))
	if !bytes.HasPrefix(sum[:], raw[at+headerLen:end]) {
		return refuse(ReasonDigest, at+headerLen, "The check sum does not fit: at least one byte was changed after the capture. Capture the hash again.")
	}
	if end < at+trailerLen {
		env.warn(WarnDigestZeros, "Zeros that belong to the check sum were cut off; they were put back.")
	}
	if tail := raw[end:]; len(bytes.Trim(tail, "\x00")) != 0 {
		env.tail = tail
		env.warn(WarnTail, "After the check sum stand %d bytes that should be zero. They mean nothing and are ignored.", len(tail))
	}
	return nil
}

// seal writes records as a hash of size bytes: header, records, trailer, then
// tail or zeros. A size smaller than needed is raised, unless only zeros of the
// digest fall away.
func seal(records []Record, tail []byte, size int) []byte {
	declared := headerLen
	for _, r := range records {
		declared += headerLen + len(r.Data)
	}
	raw := make([]byte, 0, max(declared+trailerLen+len(tail), size))
	raw = append(raw, 'O', 'A')
	raw = binary.LittleEndian.AppendUint16(raw, uint16(declared))
	for _, r := range records {
		raw = binary.LittleEndian.AppendUint16(raw, r.Type)
		raw = binary.LittleEndian.AppendUint16(raw, uint16(headerLen+len(r.Data)))
		raw = append(raw, r.Data...)
	}
	sum := sha256.Sum256(raw)
	raw = append(raw, 'C', 'S', trailerLen, 0)
	raw = append(raw, sum[:]...)
	raw = append(raw, tail...)
	if size >= len(raw) {
		return raw[:size]
	}
	if size >= declared+headerLen && len(bytes.Trim(raw[size:], "\x00")) == 0 {
		return raw[:size]
	}
	return raw
}

func (env *envelope) warn(code, format string, args ...any) {
	env.warnings = append(env.warnings, Warning{Code: code, Detail: fmt.Sprintf(format, args...)})
}
