package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"

	"countersign/docs"
	"countersign/gateway"
)

func described(t *testing.T) openapi2.T {
	t.Helper()
	var spec openapi2.T
	if err := json.Unmarshal(docs.Swagger, &spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// The description and the router know the same calls: one that is only
// described misleads, one that is only routed is an API nobody can find.
func TestDescriptionAndRouteTableAgree(t *testing.T) {
	t.Parallel()
	spec := described(t)
	var inSpec, routed []string
	for path, item := range spec.Paths {
		for method := range item.Operations() {
			inSpec = append(inSpec, method+" "+strings.TrimSuffix(spec.BasePath, "/")+path)
		}
	}
	for _, r := range gateway.Routes() {
		routed = append(routed, r.Method+" "+r.Path)
	}
	for _, call := range inSpec {
		if !slices.Contains(routed, call) {
			t.Errorf("%s is described and not routed", call)
		}
	}
	for _, call := range routed {
		if !slices.Contains(inSpec, call) {
			t.Errorf("%s is routed and not described", call)
		}
	}
}

// Calls that need a token say so, with the scope the router asks for.
func TestDescriptionNamesTheScopeOfEachCall(t *testing.T) {
	t.Parallel()
	spec := described(t)
	for _, r := range gateway.Routes() {
		item := spec.Paths[strings.TrimPrefix(r.Path, strings.TrimSuffix(spec.BasePath, "/"))]
		if item == nil || item.GetOperation(r.Method) == nil {
			continue // the test above names it
		}
		op := item.GetOperation(r.Method)
		var scopes []string
		if op.Security != nil {
			for _, need := range *op.Security {
				for _, s := range need {
					scopes = append(scopes, s...)
				}
			}
		}
		if r.Scope == "" && len(scopes) > 0 || r.Scope != "" && !slices.Equal(scopes, []string{r.Scope}) {
			t.Errorf("%s %s: described with scopes %v, routed with %q", r.Method, r.Path, scopes, r.Scope)
		}
	}
}

// The document is sound: it converts to OpenAPI 3 and that validates.
func TestDescriptionIsSound(t *testing.T) {
	t.Parallel()
	spec := described(t)
	v3, err := openapi2conv.ToV3(&spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := v3.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}
