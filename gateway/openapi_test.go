package gateway_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi3"

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

func describedV3(t *testing.T) *openapi3.T {
	t.Helper()
	spec, err := openapi3.NewLoader().LoadFromData(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// The two descriptions and the router know the same calls: one that is only described
// misleads, one that is only routed is an API nobody can find.
func TestDescriptionsAndRouteTableAgree(t *testing.T) {
	t.Parallel()
	var routed, inSwagger, inOpenAPI []string
	for _, r := range gateway.Routes() {
		routed = append(routed, r.Method+" "+r.Path)
	}
	v2 := described(t)
	for path, item := range v2.Paths {
		for method := range item.Operations() {
			inSwagger = append(inSwagger, method+" "+strings.TrimSuffix(v2.BasePath, "/")+path)
		}
	}
	for path, item := range describedV3(t).Paths.Map() {
		for method := range item.Operations() {
			inOpenAPI = append(inOpenAPI, method+" "+path)
		}
	}
	for form, calls := range map[string][]string{"swagger.json": inSwagger, "openapi.json": inOpenAPI} {
		for _, call := range calls {
			if !slices.Contains(routed, call) {
				t.Errorf("%s is described in %s and not routed", call, form)
			}
		}
		for _, call := range routed {
			if !slices.Contains(calls, call) {
				t.Errorf("%s is routed and not described in %s", call, form)
			}
		}
	}
}

// Calls that need a token say so, with the scope the router asks for.
func TestDescriptionNamesTheScopeOfEachCall(t *testing.T) {
	t.Parallel()
	v2, v3 := described(t), describedV3(t)
	for _, r := range gateway.Routes() {
		if item := v2.Paths[r.Path]; item != nil && item.GetOperation(r.Method) != nil {
			var needs []map[string][]string
			if security := item.GetOperation(r.Method).Security; security != nil {
				needs = *security
			}
			sameScope(t, r, "swagger.json", needs)
		}
		if item := v3.Paths.Value(r.Path); item != nil && item.GetOperation(r.Method) != nil {
			var needs []map[string][]string
			if security := item.GetOperation(r.Method).Security; security != nil {
				for _, need := range *security {
					needs = append(needs, need)
				}
			}
			sameScope(t, r, "openapi.json", needs)
		}
	}
}

func sameScope(t *testing.T, r gateway.Route, form string, needs []map[string][]string) {
	t.Helper()
	var scopes []string
	for _, need := range needs {
		scopes = append(scopes, need["oauth2"]...)
	}
	if r.Scope == "" && len(scopes) > 0 || r.Scope != "" && !slices.Equal(scopes, []string{r.Scope}) {
		t.Errorf("%s %s: described in %s with scopes %v, routed with %q", r.Method, r.Path, form, scopes, r.Scope)
	}
}
