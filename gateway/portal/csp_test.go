package portal

import (
	"os/exec"
	"strings"
	"testing"
)

// W4: Google's CSP evaluator finds nothing in the policy of the pages, and would.
func TestPolicy_passesTheEvaluator(t *testing.T) {
	evaluate := func(policy string) string {
		out, err := exec.CommandContext(t.Context(), "node", "../../tools/csp/evaluate.js", policy).CombinedOutput()
		if err != nil {
			t.Fatalf("the CSP evaluator does not run: %v\n%s\nRun make setup: it installs Node and the packages of tools/csp.", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if found := evaluate(policy); found != "" {
		t.Errorf("the evaluator finds: %s", found)
	}
	if found := evaluate("script-src 'unsafe-inline' *"); !strings.Contains(found, "unsafe-inline") {
		t.Errorf("the evaluator does not see a planted fault: %q", found)
	}
}
