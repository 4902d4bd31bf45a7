package loadgen

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/db"
	"countersign/internal/dbtest"
	"countersign/models"
	"countersign/registration/hardwarehash"
)

func TestMain(m *testing.M) {
	dispatches = 2
	queued, revoked, each, accepts = 60, 6, 5, 10
	consignments, ahead = 4, 6000
	calls.small, calls.large, assertions = 400, 12, 100
	crowd.uploads, crowd.rows = 6, 3000
	if len(os.Args) > 1 && os.Args[1] == "-other" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		err := Other(ctx, os.Args[2:], os.Stdout)
		stop()
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if programs != "" {
		_ = os.RemoveAll(programs)
	}
	os.Exit(code)
}

// programs is where compiled puts what it made.
var programs string

var compiled = sync.OnceValues(func() (string, error) {
	var err error
	if programs, err = os.MkdirTemp("", "loadgen-"); err != nil {
		return "", err
	}
	program := filepath.Join(programs, "countersignd")
	if out, err := exec.Command("go", "build", "-o", program, "countersign/cmd/countersignd").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w: %s", err, out)
	}
	return program, nil
})

// The figures about the gateway as a whole run against the program itself.
func TestRun_wholeGateway(t *testing.T) {
	t.Parallel()
	var seen []Figure
	o := Options{
		Only: "P", Devices: 3000, Small: 1000, Rounds: 1, Server: dbtest.URL(t, db.Postgres), Log: t.Output(),
		Gateway: built(t), Other: self(t),
	}
	if err := Run(t.Context(), o, func(f Figure) { seen = append(seen, f) }); err != nil {
		t.Fatal(err)
	}
	for i, values := range []int{2, 2, 2, 2, 2, 1, 1, 3} {
		name := fmt.Sprintf("P%d", i+1)
		if i >= len(seen) || seen[i].Name != name || len(seen[i].Values) != values || seen[i].Goal == "" || methods[name] == "" {
			t.Fatalf("figures %v, want %d values of %s and how it is measured", seen, values, name)
		}
		if name != "P5" && slices.Min(seen[i].Values) <= 0 {
			t.Errorf("%s is not above zero", seen[i])
		}
	}
}

// The figures about tokens run against the program itself, too.
func TestRun_tokens(t *testing.T) {
	t.Parallel()
	var seen []Figure
	o := Options{Only: "A", Rounds: 1, Server: dbtest.URL(t, db.Postgres), Log: t.Output(), Gateway: built(t), Other: self(t)}
	if err := Run(t.Context(), o, func(f Figure) { seen = append(seen, f) }); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"A1", "A2", "A3"} {
		if i >= len(seen) || seen[i].Name != name || len(seen[i].Values) != 1+i%2 || slices.Min(seen[i].Values) <= 0 || methods[name] == "" {
			t.Fatalf("figures %v, want values above zero of %s and how it is measured", seen, name)
		}
	}
}

// built compiles the program that is measured, once.
func built(t *testing.T) string {
	t.Helper()
	program, err := compiled()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// self is how this test runs itself as another server.
func self(t *testing.T) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{path, "-other"}
}

// A small run goes through everything but the process of C4. What was preloaded must
// be recognised, or matching fails; what was registered must fit the twin.
func TestRun_small(t *testing.T) {
	t.Parallel()
	var seen []Figure
	o := Options{Only: "C", Devices: 3000, Small: 1000, Rounds: 1, Server: dbtest.URL(t, db.Postgres), Log: t.Output()}
	o.Self = []string{"/bin/echo", "42.5", "#"}
	err := Run(t.Context(), o, func(f Figure) { seen = append(seen, f) })
	if err == nil || !strings.HasPrefix(err.Error(), "C4: ") {
		t.Fatalf("the run ended with %v, want only C4 to fail: echo prints no number", err)
	}
	for i, want := range []struct {
		name   string
		values int
	}{{"C1", 1}, {"C2", 1}, {"C3", 2}} {
		if i >= len(seen) || seen[i].Name != want.name || len(seen[i].Values) != want.values {
			t.Fatalf("figures %v, want %s with %d values", seen, want.name, want.values)
		}
		if slices.Min(seen[i].Values) <= 0 {
			t.Errorf("%s is not above zero", seen[i])
		}
	}
}

func TestRun_revokes(t *testing.T) {
	t.Parallel()
	var seen []Figure
	o := Options{Only: "R", Rounds: 1, Server: dbtest.URL(t, db.Postgres), Log: t.Output()}
	if err := Run(t.Context(), o, func(f Figure) { seen = append(seen, f) }); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"R1", "R2"} {
		if i >= len(seen) || seen[i].Name != name || len(seen[i].Values) != i+2 || slices.Min(seen[i].Values) <= 0 {
			t.Fatalf("figures %v, want values above zero of %s", seen, name)
		}
	}
}

func TestRun_knowsItsFigures(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), Options{Only: "X"}, nil); err == nil {
		t.Error("a figure that does not exist was measured")
	}
}

// The core of C4 tells its peak as a number.
func TestCore(t *testing.T) {
	t.Parallel()
	r := &run{Options: Options{Server: dbtest.URL(t, db.Postgres), Log: t.Output()}, seed: freshLines}
	defer func() {
		if err := r.server.close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := r.store(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Core(t.Context(), c.url, c.size, 2*freshLines, &out); err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.ParseFloat(strings.TrimSpace(out.String()), 64)
	if err != nil || peak < 5 || peak > 2000 {
		t.Errorf("the peak is %q megabytes", out.String())
	}
}

// A kept store is used again, whatever was registered in it since.
func TestStore_isKept(t *testing.T) {
	t.Parallel()
	at := dbtest.URL(t, db.Postgres)
	var last *core
	for i := range 2 {
		r := &run{Options: Options{Server: at, Keep: true, Log: t.Output()}, seed: freshLines}
		c, err := r.store(t.Context(), 700)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil {
			r.server.made = append(r.server.made, c.conn.Config().Database)
		}
		if last != nil && c.url != last.url {
			t.Errorf("run %d made a store of its own", i)
		}
		last = c
		if err := r.server.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	d := hardwarehash.NewGenerator(1).Next()
	for s, least := range map[shape]int{padded: 500, random: hardwarehash.StandardRaw} {
		raw := hardwarehash.Trim(s.capture(d))
		report, err := hardwarehash.Decode(raw)
		if err != nil || len(raw) < least || s == padded && len(raw) > 2000 {
			t.Fatalf("%s: %d bytes, %v", s, len(raw), err)
		}
		if report.Identity().Serial != d.Report.Identity().Serial {
			t.Errorf("%s is another device", s)
		}
	}
}

func TestMedianAndRatios(t *testing.T) {
	t.Parallel()
	each := ratios([]time.Duration{6, 2, 9}, []time.Duration{2, 2, 3})
	if !slices.Equal(each, []float64{3, 1, 3}) || median(each) != 3 {
		t.Errorf("ratios %v", each)
	}
}

// A run of some figures leaves the others on the page.
func TestWritePage_keepsWhatWasNotMeasured(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(figures ...Figure) string {
		t.Helper()
		if err := WritePage(path, Options{Load: "7.5"}, figures); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	c2 := Figure{Name: "C2", Values: []float64{1.25}, Of: "match", Goal: "≤ 1.5", Detail: []string{"It took a while."}}
	c3 := Figure{Name: "C3", Values: []float64{0.9, 0.7}, Of: "register", Goal: "much", Detail: []string{"Fast."}}
	both := write(c2, c3)
	for _, want := range []string{"| C2 | 1.25 | ≤ 1.5 | match |", "| C3 | 0.90, 0.70 | much | register |", "It took a while.", "load average 7.5"} {
		if !strings.Contains(both, want) {
			t.Errorf("the page lacks %q:\n%s", want, both)
		}
	}
	if again := write(c3); again != both {
		t.Errorf("writing C3 again changed the page to\n%s", again)
	}
	c2.Detail = []string{"It was quick."}
	if changed := write(c2); strings.Contains(changed, "took a while") || !strings.Contains(changed, "Fast.") {
		t.Errorf("the page is now\n%s", changed)
	}
}

// The submission that stores are filled with is one that the core takes.
func TestSubmission(t *testing.T) {
	t.Parallel()
	r := &run{seed: freshLines}
	sub := submission(3, r.fresh(2, padded))
	if len(sub.Authority.Epochs) != 4 || sub.Authority.Kind != models.ByGrant || len(sub.Rows) != 2 || sub.Rows[1].Row != 2 {
		t.Errorf("%+v", sub.Authority)
	}
	if bytes.Equal(sub.Rows[0].Identity.Hash, r.fresh(1, padded)[0].Identity.Hash) {
		t.Error("two dispatches hold the same device")
	}
}
