package main

import (
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"countersign/authz"
	"countersign/models"
)

// An unknown client and a wrong secret cannot be told apart by how long the refusal takes
// (A6 of docs/threat-model.md): of a refusal of each, either is as likely the longer.
func TestRefusals_takeTheSameTime(t *testing.T) {
	t.Parallel()
	onBothDatabases(t, func(t *testing.T, in *installation) {
		s, log := in.s, slog.New(slog.NewTextHandler(io.Discard, nil))
		nonces, err := authz.LoadNonces(s.config.DataDir)
		if err != nil {
			t.Fatal(err)
		}
		verifier, err := authz.NewVerifier(s.site, s.keys, s.registry, nonces, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		endpoint, err := authz.NewTokenEndpoint(authz.EndpointDeps{
			Site: s.site, Keys: s.keys, Secrets: s.secrets, Clients: s.registry, Nonces: nonces, Verifier: verifier, Now: time.Now, NewID: newID, Logger: log,
		})
		if err != nil {
			t.Fatal(err)
		}
		refusal := func(id models.ClientID) (time.Duration, string) {
			wrong, _ := s.secrets.NewSecret()
			req := authz.TokenRequest{
				Form:          url.Values{"grant_type": {"client_credentials"}},
				Authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(string(id)+":"+wrong)),
				RemoteAddr:    "192.0.2.1",
			}
			begun := time.Now()
			_, err := endpoint.Exchange(t.Context(), req)
			took := time.Since(begun)
			var refused *authz.OAuthError
			if !errors.As(err, &refused) {
				t.Fatalf("%s is not refused: %v", id, err)
			}
			return took, refused.Code + refused.Description
		}
		_, wrong := refusal(in.caller.ClientID)
		if _, unknown := refusal("p-" + models.ClientID(newID())); wrong != unknown {
			t.Errorf("a wrong secret is answered with %q and an unknown client with %q", wrong, unknown)
		}
		var there, nobody []time.Duration
		for range 300 {
			for _, which := range rand.Perm(2) { // neither is always the second
				id, into := in.caller.ClientID, &there
				if which == 1 {
					id, into = models.ClientID("p-"+newID()), &nobody
				}
				took, _ := refusal(id)
				*into = append(*into, took)
			}
		}
		if longer := oftenLonger(there, nobody); longer < 0.35 || longer > 0.65 {
			t.Errorf("a refusal takes longer for a client that is there in %.0f of 100 cases, want about 50: medians %s and %s", 100*longer, middle(there), middle(nobody))
		}
	})
}

// oftenLonger is the probability that one of a is longer than one of b (Mann and Whitney's
// U over its greatest value).
func oftenLonger(a, b []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(b))
	var u int
	for _, d := range a {
		shorter, _ := slices.BinarySearch(sorted, d)
		u += shorter
	}
	return float64(u) / float64(len(a)) / float64(len(b))
}

func middle(d []time.Duration) time.Duration { return slices.Sorted(slices.Values(d))[len(d)/2] }
