package format

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"countersign/gateway/intake"
)

// oa3Key collects the members of one Key.
type oa3Key struct {
	depth int   // of the element
	line  int   // where it begins
	from  int64 // position where it begins
	row   intake.Row
	seen  map[string]bool
}

func newOA3Key(depth, line int, from int64) *oa3Key {
	return &oa3Key{depth: depth, line: line, from: from, seen: make(map[string]bool, 8)}
}

// oa3Members are the children of a Key that mean something, and their names in the
// tool's spelling. Order data is none of OA3's.
var oa3Members = map[string]string{
	"productkeyid":     "ProductKeyID",
	"productkeystate":  "ProductKeyState",
	"hardwarehash":     "HardwareHash",
	"serialnumber":     "SerialNumber",
	"soldto":           "SoldTo",
	"soldtocustomerid": "SoldToCustomerID",
}

// member takes a child of the Key.
func (k *oa3Key) member(e element, recoded bool) {
	title := oa3Members[e.name]
	if title == "" {
		return
	}
	name := keyWords.canonical(e.name)
	text := string(e.text)
	switch {
	case k.seen[name]:
		k.fault("%s is given twice", title)
	case e.outer:
		k.fault("%s must hold text, but it holds elements", title)
	case recoded && strings.ContainsRune(text, utf8.RuneError):
		k.fault("%s holds bytes that are no text in the file's encoding", title)
	default:
		if name == "hardwarehash" {
			text = xmlBlanks.Replace(text) // programs that format XML wrap it
		}
		*keyMember(&k.row, name) = text
	}
	k.seen[name] = true
}

// xmlBlanks is what XML calls white space.
var xmlBlanks = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "")

// fault notes the first thing that makes the key unreadable.
func (k *oa3Key) fault(format string, args ...any) {
	if k.row.Unreadable == "" {
		k.row.Unreadable = fmt.Sprintf("Line %d: %s.", k.line, fmt.Sprintf(format, args...))
	}
}

// done returns the row of a Key that ends here.
func (k *oa3Key) done(at int64) intake.Row {
	if at-k.from > MaxDevice {
		return intake.Row{Unreadable: fmt.Sprintf("Line %d: the key is larger than %d KiB.", k.line, MaxDevice>>10)}
	}
	return k.row
}
