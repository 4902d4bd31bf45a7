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
	if end >= len(raw) || !allZero(raw[end:]) {
		return raw
	}
	return raw[:end]
}

// allZero compares with a copy shifted by one, which runs at the speed of memory: a
// padded hash is two thirds zeros.
func allZero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

// open checks the envelope from the outside in: sizes, records, trailer, digest. The
// records go into room as far as it reaches.
func open(raw []byte, room []Record) (envelope, error) {
	declared, err := checkHeader(raw)
	if err != nil {
		return envelope{}, err
	}
	env := envelope{declared: declared, size: len(raw)}
	if env.records, err = split(raw[:declared], room); err != nil {
		return envelope{}, err
	}
	if err = env.checkTrailer(raw); err != nil {
		return envelope{}, err
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
		return 0, refuse(ReasonDeclaredLength, 2, "At byte 2 the hash states a length of %d bytes, less than its own header of %d. Capture it again.", declared, headerLen)
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
	return bytes.HasPrefix(sum[:], have) && allZero(missing)
}

// split walks the records of the declared part and appends them to records.
func split(body []byte, records []Record) ([]Record, error) {
	at := headerLen
	for at < len(body) {
		left := len(body) - at
		if left < headerLen {
			return nil, refuse(ReasonRecordsEnd, at, "After record %d, which ends at byte %d, stand %d bytes that belong to no record; the trailer should begin there.", len(records), at, left)
		}
		kind := binary.LittleEndian.Uint16(body[at:])
		length := int(binary.LittleEndian.Uint16(body[at+2:]))
		if length < headerLen || length > left {
			return nil, badRecord(len(records)+1, kind, at, length, left)
		}
		records = append(records, Record{Type: kind, Data: body[at+headerLen : at+length : at+length]})
		at += length
	}
	return records, nil
}

// badRecord refuses a record whose length cannot be. A factory finds the place in a
// dump by number and offset, and the part by the name.
func badRecord(number int, kind uint16, at, length, left int) *Error {
	which := fmt.Sprintf("Record %d (type %d, %s) at byte %d states %d bytes", number, kind, TypeName(kind), at, length)
	e := refuse(ReasonRecordOverrun, at, "%s, but only %d are left before the trailer. Bytes were lost or changed; capture the hash again.", which, left)
	if length < headerLen {
		e = refuse(ReasonRecordLength, at, "%s, less than its own header of %d. Bytes were lost or changed; capture the hash again.", which, headerLen)
	}
	e.Record, e.Type = number, kind
	return e
}

func (env *envelope) checkTrailer(raw []byte) error {
	at := env.declared
	if raw[at] != 'C' || raw[at+1] != 'S' {
		return refuse(ReasonTrailerMissing, at, "The letters CS do not stand at byte %d, where record %d, the last one, ends. Bytes were lost or changed; capture the hash again.", at, len(env.records))
	}
	if length := binary.LittleEndian.Uint16(raw[at+2:]); length != trailerLen {
		return refuse(ReasonTrailerLength, at+2, "At byte %d the trailer states %d bytes instead of %d. Bytes were lost or changed; capture the hash again.", at+2, length, trailerLen)
	}
	sum := sha256.Sum256(raw[:at])
	end := min(at+trailerLen, len(raw))
	if !bytes.HasPrefix(sum[:], raw[at+headerLen:end]) {
		return refuse(ReasonDigest, at+headerLen, "The check sum at byte %d does not fit the %d bytes before the trailer: at least one was changed after the capture. Capture the hash again.", at+headerLen, at)
	}
	if end < at+trailerLen {
		env.warn(WarnDigestZeros, "Zeros that belong to the check sum were cut off; they were put back.")
	}
	if tail := raw[end:]; !allZero(tail) {
		env.tail = tail
		env.warn(WarnTail, "After the check sum, from byte %d on, stand %d bytes that should be zero. They mean nothing and are ignored.", end, len(tail))
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
	if size >= declared+headerLen && allZero(raw[size:]) {
		return raw[:size]
	}
	return raw
}

func (env *envelope) warn(code, format string, args ...any) {
	env.warnings = append(env.warnings, Warning{Code: code, Detail: fmt.Sprintf(format, args...)})
}
