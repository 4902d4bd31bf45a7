package e2e

import (
	"strings"
	"testing"
)

// The search for secrets, which every log of every story passes at its end, finds them.
func TestSecretForms(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"client_secret cs_k2NxvUsROYKLmVxALVJwQLROKxl8XH", "Bearer eyJhbGciOiJFUzI1NiIs.eyJpc3MiOiJodHRwczov.c2ln",
		"-----BEGIN PRIVATE KEY-----", "hash=T0E" + strings.Repeat("A", 200), "GET /v1/uploads?access_token=x",
	} {
		if secretIn("level=INFO msg=request "+text) == "" {
			t.Errorf("%q is not found", text)
		}
	}
	if found := secretIn(`level=INFO msg="token issued" client=p-01a21a11-6470-7f24-96a3-da1a8d7bd092 scope="devices.read"`); found != "" {
		t.Errorf("found %q", found)
	}
}
