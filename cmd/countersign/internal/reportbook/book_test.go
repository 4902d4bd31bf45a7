package reportbook_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/cmd/countersign/internal/reportbook"
)

var target = reportbook.Target{Gateway: "https://gw.example", ClientID: "plant-7", Order: map[string]string{"orderNumber": "4711"}}

func open(t *testing.T, folder string) *reportbook.Book {
	t.Helper()
	b, err := reportbook.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// begin keeps bytes and writes a report of them down.
func begin(t *testing.T, b *reportbook.Book, id, body string, parts ...reportbook.Part) *reportbook.Group {
	t.Helper()
	s, err := b.Spool(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte(body)); err != nil {
		t.Fatal(err)
	}
	digest, size, err := s.Close()
	if err != nil {
		t.Fatal(err)
	}
	g := &reportbook.Group{Target: target, RequestID: id, CreatedAt: time.Unix(1, 0).UTC(), Digest: digest, Size: size, Parts: parts}
	if err := b.Begin(g); err != nil {
		t.Fatal(err)
	}
	return g
}

func whole(file, digest string) reportbook.Part {
	return reportbook.Part{File: file, Digest: digest, Keys: 1, Of: 1}
}

func TestBook_continues(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	b := open(t, folder)
	first := begin(t, b, "r1", "one\n", whole("a.xml", "da"), whole("b.xml", "db"))
	begin(t, b, "r2", "two\n", whole("c.xml", "dc"))
	if err := b.Accepted(first, "t1"); err != nil {
		t.Fatal(err)
	}
	if err := b.Finished(first); err != nil {
		t.Fatal(err)
	}
	if _, err := reportbook.Open(folder); !errors.Is(err, reportbook.ErrBusy) {
		t.Errorf("a second process: %v", err)
	}
	_ = b.Close()

	b = open(t, folder)
	groups := b.Groups(target)
	if len(groups) != 2 || groups[0].TrackingID != "t1" || !groups[0].Finished || groups[1].TrackingID != "" || groups[0].Rows() != 2 {
		t.Fatalf("%+v", groups)
	}
	if _, err := b.Bytes(groups[0]); !errors.Is(err, reportbook.ErrLost) {
		t.Errorf("the bytes of an accepted report are kept: %v", err)
	}
	file, err := b.Bytes(groups[1])
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	other := target
	other.SoldTo = "p2"
	if n := len(b.Groups(other)); n != 0 {
		t.Errorf("%d reports to another target", n)
	}
	if err := b.Drop(groups[1]); err != nil || len(b.Groups(target)) != 1 {
		t.Errorf("after it was dropped: %d, %v", len(b.Groups(target)), err)
	}
	_ = b.Close()
	if b = open(t, folder); len(b.Groups(target)) != 1 {
		t.Error("a dropped report came back")
	}
}

func TestBook_afterACrash(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, reportbook.Name)
	b := open(t, folder)
	begin(t, b, "r1", "one\n", whole("a.xml", "da"))
	if s, err := b.Spool("r2"); err != nil || s == nil {
		t.Fatal(err)
	}
	_ = b.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, `{"report":{"requestId":"r2"`...), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, folder)
	if len(b.Groups(target)) != 1 {
		t.Error("a line that was cut off counts")
	}
	if _, err := os.Stat(filepath.Join(folder, ".countersign-report-r2.body")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("bytes nobody waits for stay: %v", err)
	}
	begin(t, b, "r3", "three\n", whole("c.xml", "dc"))
	_ = b.Close()
	if b = open(t, folder); len(b.Groups(target)) != 2 {
		t.Error("the line after the one that was cut off is lost")
	}
	if err := os.WriteFile(filepath.Join(folder, ".countersign-report-r1.body"), []byte("eno\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Bytes(b.Groups(target)[0]); !errors.Is(err, reportbook.ErrLost) {
		t.Errorf("changed bytes: %v", err)
	}
}

func TestOpen_refusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"another version":   "{\"version\":2}\n",
		"broken":            "{\"version\":1}\n{\"report\":\n",
		"an unknown report": "{\"version\":1}\n{\"requestId\":\"r9\",\"trackingId\":\"t\"}\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, reportbook.Name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := reportbook.Open(folder); err == nil || !strings.Contains(err.Error(), "what was reported is unknown") {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	b := open(t, t.TempDir())
	old := begin(t, b, "r1", "1", whole("a.xml", "da"), reportbook.Part{File: "big.xml", Digest: "dx", Keys: 3, Of: 5})
	if err := b.Accepted(old, "t1"); err != nil {
		t.Fatal(err)
	}
	l := b.Ledger(target)
	for _, c := range []struct {
		file, digest string
		next         int
		whole        bool
	}{{"a.xml", "da", 1, true}, {"a.xml", "changed", 0, false}, {"new.xml", "d", 0, false}, {"big.xml", "dx", 3, false}} {
		if next, whole := l.Next(c.file, c.digest); next != c.next || whole != c.whole {
			t.Errorf("%s: %d, %v", c.file, next, whole)
		}
	}
	rest := begin(t, b, "r2", "2", reportbook.Part{File: "big.xml", Digest: "dx", First: 3, Keys: 2, Of: 5}, whole("a.xml", "changed"))
	l.Add(rest)
	if _, whole := l.Next("big.xml", "dx"); !whole {
		t.Error("a file in two reports is not whole")
	}
	if !l.Pending("a.xml") || l.Latest(old, old.Parts[0]) || !l.Latest(rest, rest.Parts[1]) || !l.Latest(old, old.Parts[1]) || !l.Latest(rest, rest.Parts[0]) {
		t.Error("the later report of a file does not count")
	}
	again := begin(t, b, "r3", "3", whole("a.xml", "changed"))
	if l.Add(again); l.Latest(rest, rest.Parts[1]) || !l.Latest(again, again.Parts[0]) {
		t.Error("the same bytes reported again do not replace the first time")
	}
}
