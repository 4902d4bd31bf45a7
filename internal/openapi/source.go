package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
)

// Source is what the description takes from Go source.
type Source struct {
	handlers map[string]string     // "GET /path" to the name of its handler
	bodies   map[string]bodySource // struct of gateway/wire to its members
}

type bodySource struct {
	doc     string
	members []member
}

// member is one member of a JSON object.
type member struct {
	name     string
	required bool // always written
	null     bool // written as null when there is none
	time     bool
}

// ReadSource reads the handlers in one directory and the bodies in another.
func ReadSource(handlers, bodies string) (*Source, error) {
	s := &Source{handlers: map[string]string{}, bodies: map[string]bodySource{}}
	if err := eachDecl(handlers, s.addHandler); err != nil {
		return nil, err
	}
	structs := map[string]*ast.StructType{}
	docs := map[string]string{}
	err := eachDecl(bodies, func(d ast.Decl) {
		gen, ok := d.(*ast.GenDecl)
		if !ok || gen.Tok != token.TYPE {
			return
		}
		for _, spec := range gen.Specs {
			t := spec.(*ast.TypeSpec)
			if body, ok := t.Type.(*ast.StructType); ok {
				structs[t.Name.Name], docs[t.Name.Name] = body, gen.Doc.Text()
			}
		}
	})
	for name, body := range structs {
		s.bodies[name] = bodySource{doc: sentences(docs[name]), members: membersOf(body, structs)}
	}
	return s, err
}

// eachDecl visits the declarations of the Go files in a directory, tests left out.
func eachDecl(dir string, visit func(ast.Decl)) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("read the source of the description: %w", err)
		}
		for _, d := range file.Decls {
			visit(d)
		}
	}
	return nil
}

var routerLine = regexp.MustCompile(`(?m)^\s*@Router\s+(\S+)\s+\[(\w+)\]`)

func (s *Source) addHandler(d ast.Decl) {
	f, ok := d.(*ast.FuncDecl)
	if !ok {
		return
	}
	for _, m := range routerLine.FindAllStringSubmatch(f.Doc.Text(), -1) {
		s.handlers[strings.ToUpper(m[2])+" "+m[1]] = f.Name.Name
	}
}

// membersOf lists the members of a struct, those of embedded structs among them.
func membersOf(body *ast.StructType, structs map[string]*ast.StructType) (all []member) {
	for _, f := range body.Fields.List {
		if len(f.Names) == 0 {
			if id, ok := f.Type.(*ast.Ident); ok && structs[id.Name] != nil {
				all = append(all, membersOf(structs[id.Name], structs)...)
			}
			continue
		}
		if f.Tag == nil {
			continue
		}
		tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("json")
		name, options, _ := strings.Cut(tag, ",")
		pointed, pointer := f.Type.(*ast.StarExpr)
		kind := f.Type
		if pointer {
			kind = pointed.X
		}
		m := member{name: name, required: !strings.Contains(options, "omit"), time: isTime(kind)}
		m.null = pointer && m.required
		all = append(all, m)
	}
	return all
}

func isTime(kind ast.Expr) bool {
	sel, ok := kind.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	pkg, ok := sel.X.(*ast.Ident)
	return ok && pkg.Name == "time" && sel.Sel.Name == "Time"
}

// sentences puts a doc comment on one line.
func sentences(doc string) string { return strings.Join(strings.Fields(doc), " ") }
