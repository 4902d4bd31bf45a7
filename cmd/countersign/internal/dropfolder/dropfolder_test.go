package dropfolder

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestWaiting(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2031, 2, 3, 10, 0, 0, 0, time.UTC)
	put := func(path string, age time.Duration) {
		t.Helper()
		path = filepath.Join(root, "in", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, start.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	put("second.csv", time.Hour)
	put("customer/first.csv", 2*time.Hour)
	put("being-written.csv", time.Second)
	for _, never := range []string{".hidden", "a.part", "B.PART", "c.tmp", "d.filepart", "e.partial", ".customer/f.csv", "customer/deeper/g.csv"} {
		put(never, time.Hour)
	}
	if err := os.Symlink(filepath.Join(root, "in", "second.csv"), filepath.Join(root, "in", "link.csv")); err != nil {
		t.Fatal(err)
	}
	found, err := f.Waiting(start.Add(-30 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, file := range found {
		got = append(got, file.Of+"/"+file.Name())
	}
	if want := []string{"customer/first.csv", "/second.csv"}; !slices.Equal(got, want) {
		t.Errorf("waiting %v, want %v", got, want)
	}
}

func TestPlace_neverTakesAnothersPlace(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	f, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	file := File{Path: filepath.Join(root, "in", "customer", "a.b.csv"), Of: "customer"}
	for _, want := range []string{"a.b.csv", "a.b-2.csv", "a.b-3.csv"} {
		place, err := f.Place(Done, file)
		if err != nil || place != filepath.Join(root, "done", "customer", want) {
			t.Fatalf("%s, %v, want %s", place, err, want)
		}
		if err := os.WriteFile(place, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOpen_saysWhatIsWrong(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file); err == nil {
		t.Error("a file was watched")
	}
}
