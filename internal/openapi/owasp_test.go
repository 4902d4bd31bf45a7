package openapi_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// owaspExceptions are paths for which a rule of the OWASP API security list does not hold.
var owaspExceptions = []struct {
	why   string
	rules []string
	paths []string
}{
	{
		"documents and probes are for everybody, and take nothing that could be refused",
		[]string{"owasp:api2:2023-read-restricted", "owasp:api4:2023-rate-limit-responses-429", "owasp:api8:2023-define-error-responses-401", "owasp:api8:2023-define-error-validation"},
		[]string{
			"/.well-known/oauth-authorization-server", "/.well-known/oauth-protected-resource", "/.well-known/openid-configuration",
			"/{authority}/.well-known/openid-configuration", "/{authority}/v2.0/.well-known/openid-configuration", "/oauth2/jwks",
			"/docs", "/docs/errors", "/docs/assets/{file}", "/openapi.json", "/swagger.json", "/healthz", "/readyz", "/metrics",
		},
	},
	{
		"what the tus protocol can do is told without a token",
		[]string{"owasp:api4:2023-rate-limit-responses-429", "owasp:api8:2023-define-error-responses-401", "owasp:api8:2023-define-error-validation"},
		[]string{"/v1/files"},
	},
	{
		"here the client authenticates in the request itself (RFC 6749 section 2.3)",
		[]string{"owasp:api2:2023-write-restricted"},
		[]string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect", "/{authority}/oauth2/token", "/{authority}/oauth2/v2.0/token"},
	},
	{
		"a continuation token is no credential: it says where a list goes on, and works for its caller alone",
		[]string{"owasp:api2:2023-no-credentials-in-url"},
		[]string{"/v1/customers", "/v1/customers/{tenant}/batchJobStatus/{tracking}", "/v1/customers/{tenant}/deviceBatches/{batch}/devices"},
	},
	{
		"dispatches are shown to operators alone",
		[]string{"owasp:api1:2023-no-numeric-ids"},
		[]string{"/v1/dispatches/{id}/restart"},
	},
}

// The description keeps the rules of the OWASP API security list, as a linter has them that
// others have written.
func TestDocument_keepsTheRulesOfOWASP(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "node", "node_modules/@stoplight/spectral-cli/dist/index.js", "lint", "--ruleset", "ruleset.yaml", "--format", "json", "--quiet", "../../docs/openapi.json")
	cmd.Dir = "../../tools/openapi"
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	var found []struct {
		Code, Message string
		Path          []any
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatalf("the linter does not run: %v\n%s\nRun make setup: it installs Node and the packages of tools/openapi.", err, out)
	}
	used := map[string]bool{}
	for _, f := range found {
		where := make([]string, len(f.Path))
		for i, part := range f.Path {
			where[i], _ = part.(string)
		}
		path := ""
		if len(where) > 1 && where[0] == "paths" {
			path = where[1]
		}
		if excepted(f.Code, path) {
			used[f.Code] = true
			continue
		}
		t.Errorf("%s at %s: %s", f.Code, strings.Join(where, " "), f.Message)
	}
	for _, e := range owaspExceptions {
		for _, rule := range e.rules {
			if !used[rule] {
				t.Errorf("nothing breaks %s any more: take the exception away", rule)
			}
		}
	}
}

func excepted(rule, path string) bool {
	for _, e := range owaspExceptions {
		if slices.Contains(e.rules, rule) && slices.Contains(e.paths, path) {
			return true
		}
	}
	return false
}
