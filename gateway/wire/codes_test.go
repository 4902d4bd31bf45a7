package wire_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"countersign/gateway/wire"
	"countersign/models"
)

var update = flag.Bool("update", false, "write docs/errors.md")

const root = "../.."

func TestErrorsPage_isPrintedFromTheTable(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := wire.WriteErrorsDoc(&page); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "docs", "errors.md")
	if *update {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	had, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(had, page.Bytes()) {
		t.Error("docs/errors.md is not what the table prints; run go test ./gateway/wire -update")
	}
}

// inside are words that never leave the process: a caller above turns each into
// something else. So does the portal with those that begin with page_: it tells a reader
// in sentences of its messages, and its tests hold that each has one.
var inside = map[string]bool{"limit_raced": true, "submission_invalid": true, "bad_submission": true, "bad_command": true}

// A code that is not in the table would reach callers without number, title and advice.
func TestEveryErrorWordIsInTheTable(t *testing.T) {
	t.Parallel()
	found := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, word := range errorWords(t, path) {
			found++
			if _, ok := wire.Lookup(word); !ok && !inside[word] && !strings.HasPrefix(word, "page_") {
				t.Errorf("%s: the error word %q is not in gateway/wire/codes.go", path, word)
			}
		}
		return nil
	})
	if err != nil || found < 30 {
		t.Fatalf("only %d words found, error %v", found, err)
	}
}

// errorWords are the codes given to errs.New and errs.Newf in a file.
func errorWords(t *testing.T, path string) (words []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Logf("%s: %v", path, err)
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) < 2 {
			return true
		}
		fun, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || fun.Sel.Name != "New" && fun.Sel.Name != "Newf" {
			return true
		}
		pkg, ok := fun.X.(*ast.Ident)
		word, literal := call.Args[1].(*ast.BasicLit)
		if ok && literal && pkg.Name == "errs" && word.Kind == token.STRING {
			text, _ := strconv.Unquote(word.Value)
			words = append(words, text)
		}
		return true
	})
	return words
}

func TestCodes_areComplete(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range wire.Codes() {
		if seen[c.Word] {
			t.Errorf("%s is there twice", c.Word)
		}
		seen[c.Word] = true
		if c.Number == "" || c.Status < 400 || c.Title == "" || strings.HasSuffix(c.Title, ".") || !strings.HasSuffix(c.Advice, ".") {
			t.Errorf("%s is not complete: %+v", c.Word, c)
		}
		if !isSentence(c.Cause()) {
			t.Errorf("%s has no cause in causes.go, or one that is no sentence: %q", c.Word, c.Cause())
		}
		if c.NextActor != wire.ActorPartner && c.NextActor != wire.ActorCustomer && c.NextActor != wire.ActorOperator {
			t.Errorf("%s: next actor %q", c.Word, c.NextActor)
		}
		if permanent := c.Status < 500 && c.Status != 429 && c.Status != 408; permanent && c.Retryable && c.Word != "body_incomplete" && c.Word != "consent_limit_raced" {
			t.Errorf("%s says that repeating helps, with the permanent status %d", c.Word, c.Status)
		}
	}
}

func TestOutcomes_haveCauseCureAndActor(t *testing.T) {
	t.Parallel()
	actors := []string{"partner", "customer", "manufacturer", "operator", "nobody"}
	for _, o := range models.Outcomes() {
		help, ok := wire.OutcomeHelp(o.Code)
		if !ok || !isSentence(help.Cause) || !isSentence(help.Cure) {
			t.Errorf("outcome %q lacks cause or cure in outcomehelp.go: %+v", o.Code, help)
		}
		if !slices.Contains(actors, o.NextActor) {
			t.Errorf("outcome %q: next actor %q", o.Code, o.NextActor)
		}
	}
}

// isSentence is for prose that stands in a table of Markdown.
func isSentence(s string) bool { return strings.HasSuffix(s, ".") && !strings.ContainsAny(s, "|\n") }
