package collect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/registration/hardwarehash"
)

// Machine says where to read and what the system does not tell.
type Machine struct {
	Root         string // "/" for this machine, or the root of a tree like it
	Arch         string // as GOARCH
	Now          time.Time
	ProductKeyID string // 13 digits; Linux does not know it
	EKPub        []byte // RSA modulus of the TPM's endorsement key, if the caller has it
	OpenTPM      func() (TPM, error)
}

// Note says why a field is unknown, or what else to know about it.
type Note struct {
	Field  string `json:"field"` // as OA3Tool names it
	Detail string `json:"detail"`
}

// Collect reads the machine.
func Collect(m Machine) (hardwarehash.Inventory, []Note) {
	c := &collector{Machine: m}
	c.capture()
	c.smbios()
	c.processor()
	c.memory()
	c.disks()
	c.adapters()
	c.display()
	c.tpm()
	c.inv.ProductKeyID = m.ProductKeyID
	if m.ProductKeyID == "" {
		c.note("ProductKeyID", "Linux does not know it; give it with --product-key-id if the machine has one.")
	}
	return c.inv, c.notes
}

type collector struct {
	Machine
	inv    hardwarehash.Inventory
	notes  []Note
	tables []structure // of SMBIOS; nil when they cannot be read
}

func (c *collector) note(field, detail string) {
	c.notes = append(c.notes, Note{field, detail})
}

func (c *collector) path(parts ...string) string {
	return filepath.Join(append([]string{c.Root}, parts...)...)
}

// mostBytes is far above any file this package reads.
const mostBytes = 1 << 20

// read gives a small file, without the blanks around it.
func (c *collector) read(parts ...string) (string, error) {
	raw, err := c.bytes(parts...)
	return strings.TrimSpace(string(raw)), err
}

func (c *collector) bytes(parts ...string) ([]byte, error) {
	raw, err := os.ReadFile(c.path(parts...))
	if len(raw) > mostBytes {
		return nil, errors.New("too large")
	}
	return raw, err
}

// word is read where a missing file means that there is nothing to say.
func (c *collector) word(parts ...string) string {
	s, err := c.read(parts...)
	if err != nil {
		return ""
	}
	return s
}

func (c *collector) number(parts ...string) (uint64, bool) {
	n, err := strconv.ParseUint(c.word(parts...), 10, 64)
	return n, err == nil
}

// names lists a folder in a stable order; one that is not there is empty.
func (c *collector) names(parts ...string) []string {
	entries, err := os.ReadDir(c.path(parts...))
	if err != nil {
		return nil
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.SortFunc(names, byNumber)
	return names
}

// byNumber puts eth2 before eth10.
func byNumber(a, b string) int {
	if len(a) != len(b) && strings.TrimRight(a, "0123456789") == strings.TrimRight(b, "0123456789") {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func (c *collector) exists(parts ...string) bool {
	_, err := os.Stat(c.path(parts...))
	return err == nil
}

// resolved follows the links of a path, which in sysfs tell what a thing hangs on.
func (c *collector) resolved(parts ...string) string {
	path, err := filepath.EvalSymlinks(c.path(parts...))
	if err != nil {
		return ""
	}
	return filepath.ToSlash(path)
}

// why says why a file gave nothing.
func why(path string, err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return path + " may be read by root only; run the command as root."
	case errors.Is(err, fs.ErrNotExist):
		return path + " is not there: the firmware, the container or the virtual machine does not show it."
	case err != nil:
		return path + " cannot be read."
	}
	return path + " is empty: the firmware does not state it."
}

// capture says when and by what. The tool's build stays zero: this is not OA3Tool.
func (c *collector) capture() {
	_, offset := c.Now.Zone()
	c.inv.Capture = &hardwarehash.Capture{
		OS: kernelVersion(c.word("proc/sys/kernel/osrelease")), Time: c.Now.UTC().Truncate(time.Second),
		ZoneQuarters: int8(offset / (15 * 60)), OSType: hardwarehash.OSTypeFull, Architecture: uint8(architectures[c.Arch]),
	}
}

// architectures are the hash's numbers.
var architectures = map[string]uint16{"386": 0, "amd64": 9, "arm64": 12}

// kernelVersion reads "6.8.0-45-generic" as 6.8.0.
func kernelVersion(release string) hardwarehash.Version {
	var n [3]uint16
	for i, part := range strings.SplitN(release, ".", 3) {
		digits := part[:len(part)-len(strings.TrimLeft(part, "0123456789"))]
		v, err := strconv.ParseUint(digits, 10, 16)
		if err != nil {
			break
		}
		n[i] = uint16(v)
	}
	return hardwarehash.Version{Major: n[0], Minor: n[1], Build: n[2]}
}
