package hardwarehash

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDecodeText_refusals(t *testing.T) {
	t.Parallel()
	whole := string(sampleText(t, "sample1"))
	for _, c := range []struct {
		name, text string
		want       Reason
	}{
		{"nothing", "", ReasonEmpty},
		{"blanks", " \r\n", ReasonEmpty},
		{"cut by a web page", string(sampleText(t, "sample2_truncated")), ReasonTruncated},
		{"header only", "T0FzAQEAHAAAAAoA6AOCOgEABgBgW7EdzorHH3g", ReasonTruncated},
		{"four dots", "T0FmBAEAHAAAAAoAHgZhSgAACgCSBmFKYGIyKgg....", ReasonElided},
		{"three dots", "T0GDAgEAHAAAAAoADwCrPwAACgCRALpHq0gcJ3gC...", ReasonElided},
		{"ellipsis", "T0GDAgEAHAAAAAoADwCrPwAACgCRALpHq0gcJ3gC…", ReasonElided},
		{"documentation placeholder", "aGFyZHdhcmVJZGVudGlmaWVy", ReasonWrongMagic},
		{"unit-test placeholder", "SEFTSFZBTFVF", ReasonWrongMagic},
		{"hand-made placeholder", "A0HjAgEAHAAAAAoAfwZxyKCgBWBGFKXTOzKPACCQUCABAACQABAAgAEAA...", ReasonWrongMagic},
		{"serial in the wrong column", "ABC70500VW", ReasonWrongMagic},
		{"a letter short", whole[:1001], ReasonBase64Length},
		{"url alphabet", whole[:50] + "-" + whole[51:], ReasonBadBase64},
		{"inner blank", whole[:50] + " " + whole[50:], ReasonBadBase64},
		{"inner padding", whole[:50] + "=" + whole[51:], ReasonBadBase64},
		{"NUL", whole[:50] + "\x00" + whole[51:], ReasonBadBase64},
		{"twice the hash", whole + whole, ReasonTooLong},
		{"a mebibyte of blanks", strings.Repeat(" ", 1<<20), ReasonTooLong},
		{"only the start", "T0E", ReasonTooShort},
	} {
		_, _, err := DecodeText([]byte(c.text))
		assertRefused(t, c.name, err, c.want)
		if err != nil && len(c.text) > 100 && strings.Contains(err.Error(), c.text[:40]) {
			t.Errorf("%s: the refusal repeats the hash", c.name)
		}
	}
}

func assertRefused(t *testing.T, name string, err error, want Reason) {
	t.Helper()
	if ReasonOf(err) != want || !errors.Is(err, &Error{Reason: want}) {
		t.Errorf("%s: got %v, want %s", name, err, want)
	}
}

func TestDecode_refusals(t *testing.T) {
	t.Parallel()
	report, trimmed := sample1(t)
	const declared = 902
	change := func(at int, values ...byte) []byte {
		raw := bytes.Clone(trimmed)
		copy(raw[at:], values)
		return raw
	}
	sealedBadly := func(body []byte) []byte {
		raw := seal([]Record{{Type: 1, Data: body}}, nil, 0)
		return raw
	}
	for _, c := range []struct {
		name string
		raw  []byte
		want Reason
	}{
		{"nothing", nil, ReasonEmpty},
		{"one byte", []byte("O"), ReasonTooShort},
		{"three bytes", []byte("OA\x04"), ReasonTooShort},
		{"other letters", change(1, 'B'), ReasonWrongMagic},
		{"too long", make([]byte, MaxRaw+1), ReasonTooLong},
		{"length 3", change(2, 3, 0), ReasonDeclaredLength},
		{"length past the end", change(2, 0xFF, 0xFF), ReasonTruncated},
		{"digest cut", trimmed[:len(trimmed)-1], ReasonTruncated},
		{"trailer cut", trimmed[:declared], ReasonTruncated},
		{"record of 3 bytes", change(6, 3, 0), ReasonRecordLength},
		{"record past the end", change(6, 0xFF, 0x7F), ReasonRecordOverrun},
		{"length one more", change(2, 0x87, 0x03), ReasonTruncated},
		{"length one less", change(2, 0x85, 0x03), ReasonRecordOverrun},
		{"no CS", change(declared, 'c'), ReasonTrailerMissing},
		{"trailer of 37", change(declared+2, 37), ReasonTrailerLength},
		{"digest of zeros", change(declared+4, make([]byte, 32)...), ReasonDigest},
		{"content changed", change(declared-5, 'X'), ReasonDigest},
		{"last record one byte short", sealedBadly(nil)[:len(sealedBadly(nil))-1], ReasonTruncated},
	} {
		_, err := Decode(c.raw)
		assertRefused(t, c.name, err, c.want)
	}
	// Three stray bytes between the last record and the trailer.
	stray := append(report.Encode()[:declared:declared], 0, 0, 0)
	binary.LittleEndian.PutUint16(stray[2:], declared+3)
	_, err := Decode(append(stray, make([]byte, 36)...))
	assertRefused(t, "stray bytes", err, ReasonRecordsEnd)
}

// Any changed byte before the padding must be noticed.
func TestDecode_flippedByteIsRefused(t *testing.T) {
	t.Parallel()
	_, trimmed := sample1(t)
	for i := range trimmed {
		for _, mask := range []byte{0x01, 0x80, 0xFF} {
			raw := bytes.Clone(trimmed)
			raw[i] ^= mask
			if _, err := Decode(raw); ReasonOf(err) == "" {
				t.Fatalf("byte %d xor %#x: accepted, or refused without a reason: %v", i, mask, err)
			}
		}
	}
}

func TestDecodeText_tolerates(t *testing.T) {
	t.Parallel()
	whole := string(sampleText(t, "sample1"))
	_, trimmed := sample1(t)
	short := base64.RawStdEncoding.EncodeToString(trimmed[:]) // 938 bytes: two characters short of a group
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"as it is", whole, nil},
		{"zeros cut, padded", base64.StdEncoding.EncodeToString(trimmed), nil},
		{"zeros cut, padding missing", short, []string{WarnPadding}},
		{"zeros cut, padding doubled", short + "==", []string{WarnPadding}},
		{"padding where none belongs", whole + "=", []string{WarnPadding}},
		{"blanks around", " \t" + whole + "\r\n", []string{WarnBlanks}},
		{"wrapped", whole[:76] + "\r\n" + whole[76:], []string{WarnLineBreaks}},
		{"longer than standard", whole + "AAAA", []string{WarnOversize}},
		{"garbage behind the digest", whole[:3996] + "AAAB", []string{WarnTail}},
	} {
		report, raw, err := DecodeText([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := codes(report.Warnings); !slices.Equal(got, c.want) {
			t.Errorf("%s: warnings %v, want %v", c.name, got, c.want)
		}
		if report.Inventory.System.Serial != "ABC70500VW" {
			t.Errorf("%s: serial %q", c.name, report.Inventory.System.Serial)
		}
		if c.name != "garbage behind the digest" && !bytes.Equal(raw, trimmed) {
			t.Errorf("%s: the raw bytes differ from the trimmed sample", c.name)
		}
	}
}

// A digest can end in zeros; a sender that cuts all zeros cuts those too.
func TestDecode_digestThatEndsInZeros(t *testing.T) {
	t.Parallel()
	full := hashWithZeroEndedDigest(t)
	cut := bytes.TrimRight(full, "\x00")
	report, err := Decode(cut)
	if err != nil {
		t.Fatal(err)
	}
	if got := codes(report.Warnings); !slices.Equal(got, []string{WarnDigestZeros}) {
		t.Errorf("warnings %v", got)
	}
	if !bytes.Equal(report.Encode(), cut) {
		t.Error("encoding does not give the cut bytes back")
	}
	trimmed := Trim(full)
	if len(trimmed) <= len(cut) {
		t.Error("Trim cut zeros of the digest")
	}
	if again, err := Decode(trimmed); err != nil || len(again.Warnings) != 0 {
		t.Errorf("trimmed: %v", err)
	}
	cut[len(cut)-1] ^= 1
	_, err = Decode(cut)
	assertRefused(t, "cut and changed", err, ReasonTruncated)
}

func hashWithZeroEndedDigest(t *testing.T) []byte {
	t.Helper()
	for i := range 100_000 {
		data := binary.LittleEndian.AppendUint32(nil, uint32(i))
		raw := resealed(t, Record{Type: 99, Data: data})
		if Trim(raw)[len(Trim(raw))-1] == 0 {
			return raw
		}
	}
	t.Fatal("no digest ended in zero")
	return nil
}
