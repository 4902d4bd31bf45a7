package release

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var at = time.Date(2031, 2, 3, 10, 1, 10, 0, time.UTC)

func sample() []file {
	return []file{
		{name: "x/countersign", program: true, body: []byte("program")},
		{name: "x/LICENSE", body: []byte("terms")},
	}
}

func TestArchives_sameInputsSameBytes(t *testing.T) {
	t.Parallel()
	for name, pack := range map[string]func(io.Writer, []file, time.Time) error{"tar.gz": writeTarGz, "zip": writeZip} {
		var first, second, moved bytes.Buffer
		backwards := sample()
		slices.Reverse(backwards)
		for out, in := range map[*bytes.Buffer][]file{&first: sample(), &second: backwards} {
			if err := pack(out, in, at.In(time.FixedZone("", 9*3600))); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: the order of the input shows", name)
		}
		if err := pack(&moved, sample(), at.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(first.Bytes(), moved.Bytes()) {
			t.Errorf("%s: the time of the commit is not in it", name)
		}
	}
}

func TestTarGz_hasNoOwnerAndRunnablePrograms(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := writeTarGz(&out, sample(), at); err != nil {
		t.Fatal(err)
	}
	plain, err := gzip.NewReader(&out)
	if err != nil || !plain.ModTime.IsZero() || plain.Name != "" {
		t.Fatalf("gzip header %+v, error %v", plain.Header, err)
	}
	var got []string
	for r := tar.NewReader(plain); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r)
		got = append(got, fmt.Sprintf("%s %o %d:%d %q%q %s %s", h.Name, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.UTC().Format(time.RFC3339), body))
	}
	want := []string{
		`x/LICENSE 644 0:0 """" 2031-02-03T10:01:10Z terms`,
		`x/countersign 755 0:0 """" 2031-02-03T10:01:10Z program`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestZip_hasRunnablePrograms(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := writeZip(&out, sample(), at); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(out.Bytes()), int64(out.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(in) // checks the sum too
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %o %s %s", f.Name, f.Mode().Perm(), f.Modified.UTC().Format(time.RFC3339), body))
	}
	want := []string{"x/LICENSE 644 2031-02-03T10:01:10Z terms", "x/countersign 755 2031-02-03T10:01:10Z program"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// The command line is what people run on their own machines, so that a change which
// breaks it there is found before a release. Windows differs most; a Mac is a Unix as the
// tests' own machine is, and every platform costs a minute of compiling all packages.
func TestCommandLine_compilesForWindows(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", BuildArgs("test", os.DevNull, "countersign/cmd/countersign")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS=windows", "GOARCH=amd64")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// The linker says nothing when the variable it is to set is not there.
func TestBuildArgs_stampAVariableThatIsThere(t *testing.T) {
	t.Parallel()
	stamp := regexp.MustCompile(`-X main\.(\w+)=v1$`).FindStringSubmatch(BuildArgs("v1", "out")[4])
	if stamp == nil {
		t.Fatalf("no version is stamped: %q", BuildArgs("v1", "out"))
	}
	for _, program := range []string{"countersign", "countersignd", "registrard"} {
		files, err := filepath.Glob("../../cmd/" + program + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found += strings.Count(string(text), "\nvar "+stamp[1]+" string\n")
		}
		if found != 1 {
			t.Errorf("%s declares %s %d times", program, stamp[1], found)
		}
	}
}

func TestRun_refusesWhatIsNoVersion(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	for _, version := range []string{"", "../x", "a b"} {
		if _, err := Run(t.Context(), Plan{Root: ".", Out: out, Version: version, At: at, Log: io.Discard}); err == nil {
			t.Errorf("%q was taken", version)
		}
	}
	if _, err := os.Stat(out); err != nil {
		t.Error("a refused release has emptied its folder")
	}
}
