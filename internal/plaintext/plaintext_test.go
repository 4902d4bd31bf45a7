package plaintext_test

import (
	"strings"
	"testing"

	"countersign/internal/plaintext"
)

// What a person can read safely passes unchanged, in any script.
func TestFault_letsPeopleWrite(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "Register the laptops of your order 4711.", "Geräte für Köln & Umgebung (2. Los)", "注文4711のノートPCを登録します。",
		"Đơn hàng số 4711 gửi đến Huế", "अनुरोध ४७११", "<img onerror=alert(1)>", "price: 5 € / device", "Zoë’s “own” order – v1.2",
	} {
		if fault := plaintext.Fault(s, 200); fault != "" {
			t.Errorf("%q %s", s, fault)
		}
	}
}

// Section 2.4 of the security rules: control, bidirectional and invisible characters
// never reach a page, a mail or a receipt.
func TestFault_refusesWhatHides(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]string{
		"NUL": "a\x00b", "line break": "a\nb", "tab": "a\tb", "broken": "a\xffb", "right-to-left override": "a\u202eb", "isolate": "a\u2066b",
		"left-to-right mark": "a\u200eb", "zero width space": "a\u200bb", "joiner": "a\u200db", "soft hyphen": "a\u00adb", "byte order mark": "\ufeffa",
		"line separator": "a\u2028b", "no-break space": "a\u00a0b", "hangul filler": "a\u3164b", "braille blank": "a\u2800b",
		"variation selector": "a\ufe0fb", "tag": "a\U000e0041b", "private use": "a\ue000b", "replacement": "a\ufffdb", "zalgo": "a" + strings.Repeat("\u0300", 4),
		"too long": strings.Repeat("ä", 201),
	} {
		if plaintext.Fault(s, 200) == "" {
			t.Errorf("%s passes", name)
		}
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"see https://evil.example/x", "HTTP:/evil", "www.evil.example", "write to a@b", "mailto:someone", "javascript:alert(1)", "go to evil.example",
		"evil.example/pay", "ｅｖｉｌ．ｃｏｍ", "xn--e1afmkfd.xn--p1ai.evil.dev", "münchen.example", "tel:0190", "file:///etc/passwd",
	} {
		if plaintext.Address(s) == "" {
			t.Errorf("%q passes", s)
		}
	}
	for _, s := range []string{
		"", "Laptops, e.g. of order 4711.", "PO-4711/2026", "v1.2.3", "Nr.4711", "z.B. für Köln", "10.000 Geräte", "ratio 3:1", "Customer data: laptops", "End. Then more.", "注文です。登録",
	} {
		if found := plaintext.Address(s); found != "" {
			t.Errorf("%q holds %q", s, found)
		}
	}
}

// Section 2.4: a homoglyph of a known partner's name has the same skeleton.
func TestSkeleton(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"Contoso", "Соntоsо"}, // Cyrillic С and о
		{"Contoso", "CONTOSO"},
		{"Contoso", "C o n t o s o"},
		{"Contoso", "Cont0so"},
		{"Contoso", "Cöntösö"},
		{"Contoso", "Con-toso."},
		{"Northwind", "Νοrthwind"}, // Greek Ν and ο
		{"Fabrikam", "Fabrikarn"},
		{"Fabrikam", "ＦＡＢＲＩＫＡＭ"},
		{"Litware", "Iitware"},
		{"Litware", "1itware"},
		{"Wide World", "VVide World"},
		{"apple", "аррӏе"},
		{"Adatum", "Aclatum"},
	} {
		if a, b := plaintext.Skeleton(pair[0]), plaintext.Skeleton(pair[1]); a != b {
			t.Errorf("%q is %q and %q is %q", pair[0], a, pair[1], b)
		}
	}
	for _, pair := range [][2]string{{"Contoso", "Contoso GmbH"}, {"Fabrikam", "Northwind"}, {"株式会社", "有限会社"}} {
		if plaintext.Skeleton(pair[0]) == plaintext.Skeleton(pair[1]) {
			t.Errorf("%q and %q look alike", pair[0], pair[1])
		}
	}
}
