package pending_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/cmd/countersign/internal/pending"
)

func target(digest string) pending.Target {
	return pending.Target{
		Gateway: "https://gw", ClientID: "c", Tenant: "t", Batch: "b", Digest: digest,
		Order: map[string]string{"orderNumber": "1", "groupTag": "x"},
	}
}

func open(t *testing.T, path string) *pending.Book {
	t.Helper()
	book, err := pending.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return book
}

func put(t *testing.T, b *pending.Book, e pending.Entry) {
	t.Helper()
	if err := b.Put(e); err != nil {
		t.Fatal(err)
	}
}

func TestPathFor(t *testing.T) {
	t.Parallel()
	if got := pending.PathFor(filepath.Join("a", "d.csv")); got != filepath.Join("a", ".d.csv.countersign.json") {
		t.Error(got)
	}
}

// Each step is a point at which a process can die; the next one must find what
// was known by then.
func TestBook_survivesEveryStep(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".d.csv.countersign.json")
	if _, found := open(t, path).Find(target("d1")); found {
		t.Fatal("found before anything was written")
	}
	put(t, open(t, path), pending.Entry{Target: target("d1"), RequestID: "r1"})
	e, found := open(t, path).Find(target("d1"))
	if !found || e.RequestID != "r1" || e.TrackingID != "" {
		t.Fatalf("before sending: %+v, %v", e, found)
	}
	e.TrackingID = "track"
	put(t, open(t, path), e)
	if e, found = open(t, path).Find(target("d1")); !found || e.TrackingID != "track" || e.Finished {
		t.Fatalf("accepted: %+v, %v", e, found)
	}
	e.Finished, e.Result, e.ResultDigest = true, "d.result.csv", "abc"
	put(t, open(t, path), e)
	book := open(t, path)
	if e, found = book.Find(target("d1")); !found || !e.Finished || !book.Wrote("d.result.csv", "abc") || book.Wrote("d.result.csv", "other") {
		t.Fatalf("finished: %+v, %v", e, found)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestBook_otherTargetsAreOtherSubmissions(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	put(t, open(t, path), pending.Entry{Target: target("d1"), RequestID: "r1"})
	for name, change := range map[string]func(*pending.Target){
		"a changed file":     func(t *pending.Target) { t.Digest = "d2" },
		"another tenant":     func(t *pending.Target) { t.Tenant = "t2" },
		"another batch":      func(t *pending.Target) { t.Batch = "b2" },
		"append":             func(t *pending.Target) { t.Append = true },
		"another gateway":    func(t *pending.Target) { t.Gateway = "https://gw2" },
		"another client":     func(t *pending.Target) { t.ClientID = "c2" },
		"another order":      func(t *pending.Target) { t.Order = map[string]string{"orderNumber": "2"} },
		"all or nothing now": func(t *pending.Target) { t.Strict = true },
	} {
		other := target("d1")
		change(&other)
		if _, found := open(t, path).Find(other); found {
			t.Errorf("%s: taken for the same submission", name)
		}
	}
}

func TestBook_aNewerSubmissionOfTheSameTargetWins(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	book := open(t, path)
	put(t, book, pending.Entry{Target: target("d1"), RequestID: "r1"})
	put(t, book, pending.Entry{Target: target("d1"), RequestID: "r2"})
	if e, _ := open(t, path).Find(target("d1")); e.RequestID != "r2" {
		t.Errorf("%+v", e)
	}
}

func TestBook_isBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "book")
	book := open(t, path)
	for i := range 60 {
		put(t, book, pending.Entry{Target: target(fmt.Sprint(i)), RequestID: fmt.Sprint("r", i)})
	}
	book = open(t, path)
	_, oldest := book.Find(target("9"))
	_, kept := book.Find(target("10"))
	if oldest || !kept {
		t.Errorf("10th from the front: %v, 11th: %v", oldest, kept)
	}
}

func TestOpen_refusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"empty": "", "cut": `{"version":1,"submi`, "another version": `{"version":2}`} {
		path := filepath.Join(t.TempDir(), "book")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := pending.Open(path); err == nil || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

func TestPut_failsWhenTheFolderIsGone(t *testing.T) {
	t.Parallel()
	book := open(t, filepath.Join(t.TempDir(), "gone", "book"))
	if err := book.Put(pending.Entry{Target: target("d1"), RequestID: "r1"}); err == nil {
		t.Error("a submission that cannot be remembered must not begin")
	}
	if _, found := book.Find(target("d1")); found {
		t.Error("remembered in memory only")
	}
}

func TestLock_oneAtATime(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d.csv")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	if err := pending.Lock(first); err != nil {
		t.Fatal(err)
	}
	if err := pending.Lock(second); !errors.Is(err, pending.ErrBusy) {
		t.Errorf("error = %v", err)
	}
	_ = first.Close()
	if err := pending.Lock(second); err != nil {
		t.Errorf("after the first is closed: %v", err)
	}
}
