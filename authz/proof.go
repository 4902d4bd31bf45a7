package authz

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"countersign/internal/errs"
	"countersign/models"
)

// Proof is what a request shows of DPoP (RFC 9449): the values of its DPoP header, of
// which there must be one, and the request they are about.
type Proof struct {
	Headers []string
	Method  string
	URL     string // the address the caller used; query and fragment are not looked at
}

// Sent reports whether there is anything to look at.
func (p Proof) Sent() bool { return len(p.Headers) > 0 }

// proofType is the typ of a proof (RFC 9449 section 4.2).
const proofType = "dpop+jwt"

// proofWindow is how far the iat of a proof may lie from our clock, either way, when it
// names no nonce of ours.
const proofWindow = time.Minute

// ErrInvalidProof is the answer to a proof of possession that is not one for this request
// (RFC 9449 sections 5 and 7.1). Its sentence says what is wrong with it: the proof is the
// caller's own and holds nothing secret.
var ErrInvalidProof = errs.New(errs.Unauthenticated, "invalid_dpop_proof", "The DPoP proof is not valid for this request.")

// ErrUseNonce asks for the same request with a nonce, which stands in the header
// DPoP-Nonce of the answer (RFC 9449 sections 8 and 9).
var ErrUseNonce = errs.New(errs.Unauthenticated, "use_dpop_nonce",
	"The DPoP proof must carry the nonce of this answer's DPoP-Nonce header. Make a new proof with it and repeat the request.")

// OnceStore remembers what may be used once, over all replicas.
type OnceStore interface {
	// UseOnce remembers a digest of a client until it can no longer be valid and reports
	// whether this was its first use.
	UseOnce(ctx context.Context, id models.ClientID, digest []byte, until time.Time) (fresh bool, err error)
}

// proofHeader is what we read of a proof's header. The key stands in it, which is the
// point of a proof: it says which key its sender holds, and nothing about whose that is.
type proofHeader struct {
	Alg string         `json:"alg"`
	Typ string         `json:"typ"`
	JWK jsontext.Value `json:"jwk"`
}

type proofClaims struct {
	ID        string   `json:"jti"`
	Method    string   `json:"htm"`
	URL       string   `json:"htu"`
	IssuedAt  *float64 `json:"iat"`
	TokenHash string   `json:"ath"`
	Nonce     string   `json:"nonce"`
}

// checkedProof is a proof whose signature and request are right. It is used up with
// useProof.
type checkedProof struct {
	thumbprint string // of its key (RFC 7638)
	digest     []byte // of its key and jti
	until      time.Time
}

// checkProof is the check of RFC 9449 section 4.3 but for the last step, that it is used
// once: what else refuses the request comes before, so that it leaves nothing behind.
// token is the access token it goes with, empty at the token endpoint.
func checkProof(p Proof, token string, nonces *Nonces, needNonce bool, now time.Time) (checkedProof, error) {
	if len(p.Headers) != 1 {
		return checkedProof{}, badProof("send exactly one DPoP header")
	}
	key, claims, err := readProof(p.Headers[0])
	if err != nil {
		return checkedProof{}, err
	}
	switch {
	case claims.ID == "" || len(claims.ID) > maxCredentialBytes:
		return checkedProof{}, badProof("jti is missing or too long")
	case claims.Method != p.Method:
		return checkedProof{}, badProof("htm is not the method of this request, %s", p.Method)
	case !sameAddress(claims.URL, p.URL):
		return checkedProof{}, badProof("htu is not the address of this request, %s", withoutQuery(p.URL))
	case token == "" && claims.TokenHash != "":
		return checkedProof{}, badProof("ath has no meaning at the token endpoint")
	case token != "" && !hashes(claims.TokenHash, token):
		return checkedProof{}, badProof("ath is not the SHA-256 of the access token that was sent")
	}
	until, err := freshUntil(claims, nonces, needNonce, now)
	if err != nil {
		return checkedProof{}, err
	}
	digest := sha256.Sum256([]byte("dpop\n" + key.id + "\n" + claims.ID))
	return checkedProof{thumbprint: key.id, digest: digest[:], until: until}, nil
}

// freshUntil decides whether a proof was made for now, and until when the same could
// come again. A nonce of ours says more than a clock of theirs.
func freshUntil(c proofClaims, nonces *Nonces, needNonce bool, now time.Time) (time.Time, error) {
	if c.Nonce != "" {
		until, ok := nonces.good(c.Nonce, now)
		if !ok {
			return time.Time{}, ErrUseNonce
		}
		return until, nil
	}
	at, ok := readDate(c.IssuedAt)
	switch {
	case needNonce:
		return time.Time{}, ErrUseNonce
	case !ok:
		return time.Time{}, badProof("iat is missing or no date")
	case at.Before(now.Add(-proofWindow)) || at.After(now.Add(proofWindow)):
		// Whoever's clock is wrong can still prove that the proof is of now.
		return time.Time{}, ErrUseNonce.WithDetail(
			"The DPoP proof's iat is %s off the clock of this server, more than %s. Set the clock, or make the proof with the nonce of this answer's DPoP-Nonce header.",
			now.Sub(at).Abs().Round(time.Second), proofWindow)
	}
	return at.Add(proofWindow), nil
}

// readProof reads a proof and checks its signature by the key in it. The key gets its
// thumbprint as id, whatever it calls itself.
func readProof(raw string) (verifyKey, proofClaims, error) {
	var head proofHeader
	parts, err := takeApart(raw, maxTokenBytes, &head)
	if errors.Is(err, errBadHeader) {
		return verifyKey{}, proofClaims{}, badProof("its header is not strict JSON without crit")
	}
	if err != nil {
		return verifyKey{}, proofClaims{}, badProof("it is not a compact JWS")
	}
	if head.Typ != proofType {
		return verifyKey{}, proofClaims{}, badProof("its typ must be %s", proofType)
	}
	key, err := proofKey(head)
	if err != nil {
		return verifyKey{}, proofClaims{}, err
	}
	var claims proofClaims
	if _, err := readStrict(parts.payload, &claims); err != nil {
		return verifyKey{}, proofClaims{}, badProof("its claims are not strict JSON")
	}
	if key.check(parts) != nil {
		return verifyKey{}, proofClaims{}, badProof("its signature is not made by the key in its jwk")
	}
	return key, claims, nil
}

func proofKey(head proofHeader) (verifyKey, error) {
	if len(head.JWK) == 0 {
		return verifyKey{}, badProof("its header has no jwk")
	}
	key, err := readKey(head.JWK)
	if err != nil {
		return verifyKey{}, badProof("its jwk is not accepted: %s", err)
	}
	if !key.signs(head.Alg) {
		return verifyKey{}, badProof("its alg must be %s for this key", key.alg)
	}
	public, err := newJWK(key.public)
	if err != nil {
		return verifyKey{}, badProof("its jwk is not accepted: %s", err)
	}
	key.id, err = public.thumbprint()
	return key, err
}

// useProof makes the one use of a proof known to all replicas (RFC 9449 section 11.1).
func useProof(ctx context.Context, store OnceStore, client models.ClientID, p checkedProof) error {
	fresh, err := store.UseOnce(ctx, client, p.digest, p.until.Add(keepUsed))
	if err != nil {
		return err
	}
	if !fresh {
		return badProof("it was used before; make a new one, with a new jti, for every request")
	}
	return nil
}

func badProof(format string, args ...any) error {
	return ErrInvalidProof.WithDetail("The DPoP proof is not valid for this request: %s.", fmt.Sprintf(format, args...))
}

func hashes(hash, token string) bool {
	return subtle.ConstantTimeCompare([]byte(hash), []byte(digestOf([]byte(token)))) == 1
}

// sameAddress compares as RFC 9449 section 4.3 step 9 asks: scheme and host without case
// and default port, the path byte by byte, query and fragment not at all.
func sameAddress(claimed, used string) bool {
	a, errA := normalAddress(claimed)
	b, errB := normalAddress(used)
	return errA == nil && errB == nil && a == b
}

var errNoAddress = errors.New("not an absolute http address")

func normalAddress(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil {
		return "", errNoAddress
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", errNoAddress
	}
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + host + path, nil
}

func withoutQuery(address string) string {
	address, _, _ = strings.Cut(address, "?")
	return address
}
