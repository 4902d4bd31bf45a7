package client

import (
	"errors"
	"net/http"
	"strings"
	"sync"
)

// ProofFunc makes a proof of possession (DPoP, RFC 9449 section 4) for one request: its method
// and address, the access token that goes with it, empty at the token endpoint, and the nonce
// that the server gave last, empty before there is one. It is called anew for every request.
type ProofFunc func(method, address, token, nonce string) (string, error)

const (
	headerProof = "DPoP"
	headerNonce = "DPoP-Nonce"
)

// possession proves that the client holds the key its tokens are bound to. Without a function
// tokens are bearers', and nothing is proved.
type possession struct {
	prove ProofFunc

	mu    sync.Mutex
	nonce string
}

// scheme is how a token is sent.
func (p *possession) scheme() string {
	if p.prove == nil {
		return "Bearer"
	}
	return "DPoP"
}

// add proves a request.
func (p *possession) add(req *http.Request, token string) error {
	if p.prove == nil {
		return nil
	}
	p.mu.Lock()
	nonce := p.nonce
	p.mu.Unlock()
	address, _, _ := strings.Cut(req.URL.String(), "?")
	proof, err := p.prove(req.Method, address, token, nonce)
	if err != nil {
		return err
	}
	req.Header.Set(headerProof, proof)
	return nil
}

// learn keeps the nonce of an answer for the next request.
func (p *possession) learn(resp *http.Response) {
	nonce := resp.Header.Get(headerNonce)
	if p.prove == nil || nonce == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nonce = nonce
}

// wantsNonce reports a refusal that the same request with the nonce of the answer mends.
func wantsNonce(err error) bool {
	var refusal *APIError
	var oauth *OAuthError
	return errors.As(err, &refusal) && refusal.Reason == "use_dpop_nonce" || errors.As(err, &oauth) && oauth.Code == "use_dpop_nonce"
}
