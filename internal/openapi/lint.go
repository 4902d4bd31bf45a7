package openapi

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Lint says what is wrong with a description; an empty answer is a sound one.
func Lint(ctx context.Context, text []byte) []string {
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return []string{err.Error()} // a $ref that leads nowhere among others
	}
	l := &linter{operations: map[string]string{}}
	if err := doc.Validate(ctx); err != nil {
		l.say("the document: %v", err)
	}
	if doc.OpenAPI != "3.0.3" || doc.Info.Description == "" || len(doc.Servers) == 0 {
		l.say("the document: version, description or servers are missing")
	}
	for _, tag := range doc.Tags {
		if tag.Description == "" {
			l.say("tag %s: no description", tag.Name)
		}
		l.tags = append(l.tags, tag.Name)
	}
	for _, path := range doc.Paths.Keys() {
		for method, op := range doc.Paths.Value(path).Operations() {
			l.operation(method+" "+path, op)
		}
	}
	l.components(doc.Components, string(text))
	slices.Sort(l.found)
	return l.found
}

type linter struct {
	found      []string
	tags       []string
	operations map[string]string // operation id to the call that has it
}

func (l *linter) say(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

func (l *linter) operation(call string, op *openapi3.Operation) {
	if op.Summary == "" || strings.HasSuffix(op.Summary, ".") {
		l.say("%s: the summary is missing or ends with a full stop", call)
	}
	if other := l.operations[op.OperationID]; op.OperationID == "" || other != "" {
		l.say("%s: operation id %q is missing or that of %s", call, op.OperationID, other)
	}
	l.operations[op.OperationID] = call
	if len(op.Tags) != 1 || !slices.Contains(l.tags, op.Tags[0]) {
		l.say("%s: tags %v; one of the described tags %v is needed", call, op.Tags, l.tags)
	}
	l.parameters(call, op)
	l.responses(call, op)
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

func (l *linter) parameters(call string, op *openapi3.Operation) {
	declared := map[string]bool{}
	for _, ref := range op.Parameters {
		p := ref.Value
		if p.Description == "" {
			l.say("%s: parameter %s has no description", call, p.Name)
		}
		if p.In == openapi3.ParameterInPath {
			declared[p.Name] = true
		}
	}
	for _, m := range pathParameter.FindAllStringSubmatch(call, -1) {
		if !declared[m[1]] {
			l.say("%s: path parameter %s is not declared", call, m[1])
		}
		delete(declared, m[1])
	}
	for name := range declared {
		l.say("%s: path parameter %s is not in the path", call, name)
	}
}

func (l *linter) responses(call string, op *openapi3.Operation) {
	success, refusal := false, false
	for status, ref := range op.Responses.Map() {
		code, _ := strconv.Atoi(status)
		r := ref.Value
		if r.Description == nil || *r.Description == "" {
			l.say("%s: answer %s has no description", call, status)
		}
		switch {
		case code >= 400:
			refusal = true
			l.refusal(call, code, r)
		case code >= 200 && code < 300:
			success = true
			if len(r.Content) == 0 && code != 202 && code != 204 && !saysNothing(call) {
				l.say("%s: answer %s has no schema", call, status)
			}
		}
	}
	if !success {
		l.say("%s: no successful answer", call)
	}
	if takesInput(op) && !refusal {
		l.say("%s: no refusal", call)
	}
}

// takesInput is false for probes and documents: they take nothing that could be refused.
func takesInput(op *openapi3.Operation) bool {
	fromAddress := func(p *openapi3.ParameterRef) bool { return p.Value.In != openapi3.ParameterInHeader }
	return op.Security != nil || op.RequestBody != nil || slices.ContainsFunc(op.Parameters, fromAddress)
}

// saysNothing reports whether a call is answered with 200 and no body, as RFC 7009 section
// 2.2 has it.
func saysNothing(call string) bool { return call == "POST /oauth2/revoke" }

// givesTokens reports whether a path answers in the words of OAuth.
func givesTokens(path string) bool {
	return path == "/oauth2/token" || path == "/oauth2/revoke" || path == "/oauth2/introspect" || path == "/{authority}/oauth2/token" || path == "/{authority}/oauth2/v2.0/token"
}

// refusal checks that a refusal has the body that status always has.
func (l *linter) refusal(call string, code int, r *openapi3.Response) {
	_, path, _ := strings.Cut(call, " ")
	want, media := "Problem", problemMedia(path)
	switch {
	case givesTokens(path):
		want, media = "OAuthError", jsonType // RFC 6749 section 5.2
	case code == tooManyRequests:
		want, media = "Throttled", jsonType
	}
	content := r.Content[media]
	if len(r.Content) != 1 || content == nil {
		l.say("%s: answer %d is not sent as %s alone", call, code, media)
		return
	}
	if content.Schema == nil || content.Schema.Ref != "#/components/schemas/"+want {
		l.say("%s: answer %d has not the schema %s", call, code, want)
	}
}

// components looks for what nothing leads to, and for schemas that say nothing.
func (l *linter) components(c *openapi3.Components, text string) {
	used := func(kind, name string) {
		if !strings.Contains(text, `"#/components/`+kind+`/`+name+`"`) {
			l.say("components: nothing uses %s %s", kind, name)
		}
	}
	for name, schema := range c.Schemas {
		used("schemas", name)
		if schema.Value.Description == "" {
			l.say("schema %s: no description", name)
		}
	}
	for name := range c.Headers {
		used("headers", name)
	}
	for name := range c.Parameters {
		used("parameters", name)
	}
}
