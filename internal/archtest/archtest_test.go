package archtest_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "countersign"

// pkg is what `go list -json` says about a package of this module.
type pkg struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		all = append(all, p)
	}
}

// under reports whether path is dir or below it.
func under(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

func underAny(path string, dirs []string) bool {
	for _, d := range dirs {
		if under(path, d) {
			return true
		}
	}
	return false
}

// Each technology has one home, so that it can be replaced in one place.
var homes = []struct {
	imported string
	only     []string
	reason   string
}{
	{"github.com/gin-gonic/gin", []string{"gateway", "internal/loadgen/baseline"}, "HTTP routing is the gateway's"},
	{"github.com/golang-jwt/jwt", []string{"authz"}, "tokens are made and read in authz alone"},
	{"github.com/ulule/limiter", []string{"gateway/ratelimit"}, "its counting rules are ours"},
	{"github.com/redis/go-redis", []string{"gateway/ratelimit"}, "only budgets live in Redis"},
	{"gorm.io", []string{"authz", "partners", "consent", "registration", "gateway/intake", "gateway/files", "gateway/forward", "internal/ledger", "internal/notice", "internal/db", "internal/dbtest", "internal/loadgen/baseline", "models/migrations"}, "one store.go per package talks to the database"},
	{"github.com/jackc/pgx", []string{"internal/db", "internal/dbtest", "internal/loadgen"}, "what differs between databases lives in internal/db"},
	{"github.com/glebarez", []string{"internal/db", "internal/dbtest"}, "what differs between databases lives in internal/db"},
	{"github.com/pressly/goose", []string{"internal/db", "internal/dbtest"}, "migrations are run in one place"},
	{"connectrpc.com/connect", []string{"registration/rpc"}, "the core's network contract is one package"},
	{"google.golang.org/protobuf", []string{"registration/rpc"}, "the core's network contract is one package"},
	{"github.com/anishathalye/porcupine", []string{"internal/linear"}, "histories are judged in one place"},
	{"github.com/wneessen/go-mail", []string{"internal/notice"}, "mail is sent in one place"},
	{"github.com/spf13/cobra", []string{"cmd"}, "commands are built in cmd"},
	{"code.dny.dev/ssrf", []string{"internal/egress"}, "addresses that others chose are reached in one way"},
	{"github.com/coreos/go-oidc", []string{"authz/signin"}, "people sign in in one place"},
	{"golang.org/x/oauth2", []string{"authz/signin"}, "people sign in in one place"},
	{module + "/internal/devidp", []string{"cmd/countersignd"}, "the development sign-in lets everybody in; nothing but the development mode of countersignd may reach it"},
	{"github.com/swaggo", nil, "the description generator is a tool, not a dependency"},
}

func TestEachTechnologyHasOneHome(t *testing.T) {
	for _, p := range packages(t) {
		for _, h := range homes {
			for _, imp := range p.Imports {
				if under(imp, h.imported) && !underAny(p.ImportPath, h.only) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imp, h.reason)
				}
			}
		}
	}
}

// The boxes of the architecture do not know each other; cmd joins them.
var forbidden = []struct {
	from   []string
	to     []string
	reason string
}{
	{[]string{"authz"}, []string{"partners", "consent", "registration", "gateway", "cmd"}, "siblings do not import siblings"},
	{[]string{"partners"}, []string{"authz", "consent", "registration", "gateway", "cmd"}, "siblings do not import siblings"},
	{[]string{"consent"}, []string{"authz", "partners", "registration", "gateway", "cmd"}, "siblings do not import siblings"},
	{[]string{"registration"}, []string{"authz", "partners", "consent", "gateway", "cmd"}, "the core runs without the gateway"},
	{[]string{"internal/errs"}, []string{"authz", "partners", "consent", "registration", "gateway", "models", "cmd"}, "the bottom imports nothing of ours"},
	{[]string{"internal/db"}, []string{"authz", "partners", "consent", "registration", "gateway", "cmd"}, "plumbing knows no business"},
	{[]string{"internal/ledger"}, []string{"authz", "partners", "consent", "registration", "gateway", "cmd"}, "everybody writes to it, it asks nobody"},
	{[]string{"internal/notice"}, []string{"authz", "partners", "consent", "registration", "gateway", "cmd"}, "mails are written from the ledger"},
	{[]string{"gateway"}, []string{"cmd"}, "cmd joins, nobody joins cmd"},
	{[]string{"gateway", "registration/match", "registration/hardwarehash"}, []string{"registration/rpc"}, "whether the core is elsewhere is joined in cmd"},
	{[]string{"gateway/forward"}, []string{"registration", "gateway/intake", "gateway/wire"}, "the far side is an interface"},
	{[]string{"gateway/apidocs"}, []string{"gateway/intake", "gateway/forward", "internal/db"}, "the pages are printed from the wire's tables"},
	{[]string{"gateway/portal"}, []string{"gateway/forward", "gateway/wire", "gateway/ratelimit"}, "the pages speak to people, not in the API's format"},
	{[]string{"gateway/wire"}, []string{"gateway/intake", "gateway/forward", "internal/db"}, "the wire is structs"},
	{[]string{"gateway/client"}, []string{"gateway/intake", "gateway/forward", "internal/db", "authz", "consent", "partners"}, "the client is what an outsider could write"},
	{[]string{"registration/match"}, []string{"internal/db", "models"}, "matching is pure"},
	{[]string{"registration/hardwarehash"}, []string{"internal/db", "models", "registration/match"}, "the format knows nothing of its use"},
}

func TestBoxesDoNotKnowEachOther(t *testing.T) {
	for _, p := range packages(t) {
		for _, rule := range forbidden {
			if !underAny(p.ImportPath, rule.from) {
				continue
			}
			for _, imp := range p.Imports {
				own, ok := strings.CutPrefix(imp, module+"/")
				if ok && underAny(own, rule.to) && !underAny(own, rule.from) {
					t.Errorf("%s imports %s: %s", p.ImportPath, own, rule.reason)
				}
			}
		}
	}
}

// models is nouns: anybody may import it, so it may import nobody.
func TestModelsImportsTheStandardLibraryOnly(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath != "models" {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(imp, ".") || under(imp, module) {
				t.Errorf("models imports %s", imp)
			}
		}
	}
}

// gorm is spoken in store.go alone, so that SQL is found where it is looked for.
func TestGormOnlyInStoreFiles(t *testing.T) {
	for _, p := range packages(t) {
		if under(p.ImportPath, "internal/db") || under(p.ImportPath, "internal/dbtest") {
			continue
		}
		for _, name := range p.GoFiles {
			if name != "store.go" && imports(t, filepath.Join(p.Dir, name), "gorm.io") {
				t.Errorf("%s/%s imports gorm; only store.go does", p.ImportPath, name)
			}
		}
	}
}

// Support for tests never reaches a product.
func TestProductsCarryNoTestSupport(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/...").Output()
	if err != nil {
		t.Fatalf("go list -deps: %v", err)
	}
	for dep := range strings.Lines(string(out)) {
		dep = strings.TrimSpace(dep)
		for _, bad := range []string{module + "/internal/dbtest", module + "/internal/linear", module + "/internal/loadgen", module + "/internal/e2e", module + "/internal/browsertest", module + "/internal/tlstest", module + "/internal/mailtest", module + "/internal/oidctest", module + "/internal/openapi", "testing", "github.com/google/go-cmp"} {
			if dep == bad {
				t.Errorf("a command links %s", dep)
			}
		}
	}
}

func imports(t *testing.T, file, prefix string) bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, imp := range f.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if under(path, prefix) {
			return true
		}
	}
	return false
}
