package mutants_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/mutants"
)

// checker tells whether changed files compile with the rest of their package. It
// only checks types: building a package for each mutant would take minutes.
type checker struct {
	fset     *token.FileSet
	packages map[string]listed // by folder below the root
	exports  map[string]string // files with export data, by import path
	importer types.Importer
}

type listed struct {
	Dir, ImportPath, Export string
	GoFiles                 []string
}

func newChecker(t *testing.T, all []mutants.Mutant) *checker {
	t.Helper()
	dirs := map[string]bool{}
	args := []string{"list", "-export", "-deps", "-json=Dir,ImportPath,Export,GoFiles"}
	for _, m := range all {
		for _, p := range m.Patches {
			if dir := "./" + path.Dir(p.File); !dirs[dir] {
				dirs[dir] = true
				args = append(args, dir)
			}
		}
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	c := &checker{fset: token.NewFileSet(), packages: map[string]listed{}, exports: map[string]string{}}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		c.exports[p.ImportPath] = p.Export
		if dir, ours := strings.CutPrefix(p.ImportPath, "countersign/"); ours {
			c.packages[dir] = p
		}
	}
	c.importer = importer.ForCompiler(c.fset, "gc", func(name string) (io.ReadCloser, error) { return os.Open(c.exports[name]) })
	return c
}

func (c *checker) compiles(changed map[string]string) error {
	for name := range changed {
		p, ok := c.packages[path.Dir(name)]
		if !ok {
			return fmt.Errorf("%s is in no package", name)
		}
		var files []*ast.File
		for _, base := range p.GoFiles {
			var text any // nil: what stands on disk
			if patched, ok := changed[path.Join(path.Dir(name), base)]; ok {
				text = patched
			}
			file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, base), text, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
		conf := types.Config{Importer: c.importer}
		if _, err := conf.Check(p.ImportPath, c.fset, files, nil); err != nil {
			return err
		}
	}
	return nil
}
