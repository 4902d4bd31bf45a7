package loadgen

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"countersign/authz"
	"countersign/internal/loadgen/baseline"
)

// assertions are sent in a round of A2 and A3; tests make do with fewer.
var assertions = 3000

// verifying is A1: the rate of calls of a handler that verifies an access token first, as
// every call of the gateway does, against the same handler without.
func (r *run) verifying(ctx context.Context) (Figure, error) {
	out := Figure{Of: "calls with the token verified/bare gin", Goal: "≥ 0.90"}
	err := r.besideBare(ctx, "verifying", func(s stormed) error {
		value, detail, err := s.rounds(ctx, r.Rounds, []byte("{}"), calls.small, 32)
		out.Values, out.Detail = []float64{value}, []string{detail}
		return err
	})
	return out, err
}

// ServeVerifying serves what baseline.ServeBare does to those whose token is good, until
// ctx ends, and prints where and such a token.
func ServeVerifying(ctx context.Context, l net.Listener, out io.Writer) error {
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d, err := newDoor(dir, "")
	if err != nil {
		return err
	}
	token, err := d.token(ctx)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, l.Addr(), token); err != nil {
		return err
	}
	return baseline.ServeBare(ctx, l, func(req *http.Request) error {
		token, _ := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
		_, err := d.verifier.Verify(req.Context(), authz.Presentation{Token: token})
		return err
	})
}

// exchanging is A2: the rate at which tokens are given for assertions, against one ES256
// verification and one signature and nothing else. First the endpoint's own work on one
// core, with clients in memory; then the whole server by its processor time.
func (r *run) exchanging(ctx context.Context) (Figure, error) {
	k, err := r.keyed(ctx)
	defer k.end()
	if err != nil {
		return Figure{}, err
	}
	dir, err := os.MkdirTemp("", "cs")
	if err != nil {
		return Figure{}, err
	}
	defer os.RemoveAll(dir)
	alone, err := newDoor(dir, k.jwks)
	if err != nil {
		return Figure{}, err
	}
	var inMemory, whole []float64
	var own, spent, took, bare []time.Duration
	for round := range r.Rounds + 1 {
		floor, err := timed(func() error { return signatures(k.key, assertions) })
		if err != nil {
			return Figure{}, err
		}
		here, err := k.exchangeHere(ctx, alone)
		if err != nil {
			return Figure{}, err
		}
		good, err := k.signed(k.key, nil)
		if err != nil {
			return Figure{}, err
		}
		cpu, wall, err := k.send(ctx, good, http.StatusOK)
		if err != nil {
			return Figure{}, err
		}
		if round > 0 {
			inMemory, whole = append(inMemory, float64(floor)/float64(here)), append(whole, float64(floor)/float64(cpu))
			own, spent, took, bare = append(own, here), append(spent, cpu), append(took, wall), append(bare, floor)
		}
	}
	return Figure{
		Of: "tokens for assertions/one ES256 verification and signature: the endpoint on one core, the whole server's processor time", Goal: "≥ 0.4 (first)",
		Values: []float64{median(inMemory), median(whole)},
		Detail: []string{
			fmt.Sprintf("A verification and a signature take %.0f µs, the endpoint %.0f µs with clients in memory. Rounds: %s.", perCall(median(bare)), perCall(median(own)), spread(inMemory)),
			fmt.Sprintf("With HTTP and PostgreSQL a token costs the server %.0f µs; %.0f tokens a second over %d connections. Rounds: %s.",
				perCall(median(spent)), float64(assertions)/median(took).Seconds(), connections, spread(whole)),
		},
	}, nil
}

// exchangeHere has a door in this process give tokens, one after the other.
func (k *keyed) exchangeHere(ctx context.Context, d *door) (time.Duration, error) {
	bodies, err := k.signed(k.key, claims{"iss": string(lineID), "sub": string(lineID), "aud": d.site.Issuer()})
	if err != nil {
		return 0, err
	}
	forms := make([]url.Values, len(bodies))
	for i, body := range bodies {
		if forms[i], err = url.ParseQuery(body); err != nil {
			return 0, err
		}
	}
	return timed(func() error {
		for _, form := range forms {
			if _, err := d.tokens.Exchange(ctx, authz.TokenRequest{Form: form}); err != nil {
				return err
			}
		}
		return nil
	})
}

// refusing is A3: what an assertion that is not accepted costs the server's processor,
// against one that is; the dearest kind of several.
func (r *run) refusing(ctx context.Context) (Figure, error) {
	k, err := r.keyed(ctx)
	defer k.end()
	if err != nil {
		return Figure{}, err
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Figure{}, err
	}
	filler := claims{"filler": strings.Repeat("x", 5<<10)}
	kinds := []struct {
		name  string
		key   *ecdsa.PrivateKey
		wrong claims
		good  claims // what a good one of its size has besides
	}{
		{"signed by another key", stranger, nil, nil},
		{"for a client that nobody holds", stranger, claims{"iss": nobodyHolds, "sub": nobodyHolds}, nil},
		{"expired", k.key, claims{"exp": 1}, nil},
		{"for another audience", k.key, claims{"aud": "https://elsewhere.example.com"}, nil},
		{"of 7 kilobytes, signed by another key,", stranger, filler, filler},
	}
	each := make([][]float64, len(kinds))
	for round := range r.Rounds + 1 {
		for i, kind := range kinds {
			accepted, err := k.cost(ctx, k.key, kind.good, http.StatusOK)
			if err != nil {
				return Figure{}, err
			}
			refused, err := k.cost(ctx, kind.key, kind.wrong, http.StatusUnauthorized)
			if err != nil {
				return Figure{}, fmt.Errorf("%s: %w", kind.name, err)
			}
			if round > 0 {
				each[i] = append(each[i], float64(refused)/float64(accepted))
			}
		}
	}
	out := Figure{Of: "refused assertion/accepted one, by processor time, the dearest kind", Goal: "≤ 1", Values: []float64{0}}
	for i, kind := range kinds {
		out.Values[0] = max(out.Values[0], median(each[i]))
		out.Detail = append(out.Detail, fmt.Sprintf("Assertions %s cost %.2f of good ones of their size; rounds: %s.", kind.name, median(each[i]), spread(each[i])))
	}
	return out, nil
}

// cost is the server's processor time of a round of assertions.
func (k *keyed) cost(ctx context.Context, by *ecdsa.PrivateKey, other claims, status int) (time.Duration, error) {
	bodies, err := k.signed(by, other)
	if err != nil {
		return 0, err
	}
	cpu, _, err := k.send(ctx, bodies, status)
	return cpu, err
}

// nobodyHolds is an id as the server gives them, and has not.
const nobodyHolds = "p-0190a0b0-0000-7000-8000-000000000009"

func perCall(d time.Duration) float64 { return float64(d.Microseconds()) / float64(assertions) }

// keyed is a server with a client that proves itself by a key.
type keyed struct {
	*program
	client string
	key    *ecdsa.PrivateKey
	jwks   string
}

func (r *run) keyed(ctx context.Context) (*keyed, error) {
	p, err := r.startProgram(ctx, "", nowhere)
	k := &keyed{program: p}
	if err != nil {
		return k, err
	}
	if k.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return k, err
	}
	set, err := keySet(&k.key.PublicKey)
	if err != nil {
		return k, err
	}
	k.jwks = string(set)
	file := filepath.Join(p.dir, "jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		return k, err
	}
	var made struct{ ID string }
	var cred credential
	err = p.admin(ctx, &made, "partner", "create", "--kind", "oem", "--name", "Tokens")
	if err == nil {
		err = p.admin(ctx, &cred, "client", "create", "--partner", made.ID, "--name", "line", "--jwks", file)
	}
	k.client = cred.ID
	return k, err
}

// keySet is a public key as a client registers it (RFC 7517).
func keySet(key *ecdsa.PublicKey) ([]byte, error) {
	point, err := key.Bytes() // 4, x, y
	if err != nil {
		return nil, err
	}
	x, y := point[1:33], point[33:]
	text := base64.RawURLEncoding.EncodeToString
	return json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "load", "x": text(x), "y": text(y),
	}}})
}

// claims are what an assertion says (RFC 7519).
type claims map[string]any

// signed makes the bodies of as many token requests as a round has, each with an assertion
// of its own that says something else than a good one.
func (k *keyed) signed(by *ecdsa.PrivateKey, other claims) ([]string, error) {
	now := time.Now()
	out := make([]string, assertions)
	for i := range out {
		c := claims{"iss": k.client, "sub": k.client, "aud": k.url, "jti": newID(), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
		maps.Copy(c, other)
		text, err := c.signed(by)
		if err != nil {
			return nil, err
		}
		out[i] = url.Values{
			"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text},
		}.Encode()
	}
	return out, nil
}

// signed is a compact JWS by ES256 (RFC 7518 section 3.4).
func (c claims) signed(by *ecdsa.PrivateKey) (string, error) {
	payload, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	text := base64.RawURLEncoding.EncodeToString
	input := text([]byte(`{"alg":"ES256","kid":"load"}`)) + "." + text(payload)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, by, sum[:])
	if err != nil {
		return "", err
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + text(signature[:]), nil
}

// send posts the bodies to the token endpoint, insists on a status, and returns the
// server's processor time and the time by the clock.
func (k *keyed) send(ctx context.Context, bodies []string, status int) (cpu, wall time.Duration, err error) {
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
	defer c.CloseIdleConnections()
	before, _, _, err := usage(k.cmd.Process.Pid)
	if err != nil {
		return 0, 0, err
	}
	var next atomic.Int64
	wall, err = timed(func() error {
		var g errgroup.Group
		for range connections {
			g.Go(func() error {
				for i := next.Add(1) - 1; i < int64(len(bodies)); i = next.Add(1) - 1 {
					if err := k.ask(ctx, c, bodies[i], status); err != nil {
						return err
					}
				}
				return nil
			})
		}
		return g.Wait()
	})
	if err != nil {
		return 0, 0, err
	}
	after, _, _, err := usage(k.cmd.Process.Pid)
	return max(after-before, time.Millisecond), wall, err
}

func (k *keyed) ask(ctx context.Context, c *http.Client, body string, status int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url+authz.TokenPath, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != status {
		err = fmt.Errorf("the token endpoint answered %d, not %d: %s", resp.StatusCode, status, text)
	}
	return err
}

// signatures verifies a signature and makes one, n times.
func signatures(key *ecdsa.PrivateKey, n int) error {
	sum := sha256.Sum256([]byte("what is signed"))
	made, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return err
	}
	for range n {
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], made) {
			return fmt.Errorf("a good signature is not one")
		}
		next, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
		if err != nil {
			return err
		}
		made = next
	}
	return nil
}
