package authz

import (
	"context"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"time"

	"countersign/models"
)

// Presentation is how an access token came: the token, and what its sender shows to hold
// besides. A token that is bound to a key or a certificate is worth nothing without.
type Presentation struct {
	Token string
	// DPoP says that it came under the scheme DPoP (RFC 9449 section 7.1), not Bearer.
	DPoP  bool
	Proof Proof
	// Certificate is the client certificate of the connection; nil for none.
	Certificate *x509.Certificate
}

var (
	errNotBound    = errors.New("the token came under DPoP and is bound to no key")
	errBoundBearer = errors.New("the token is bound to a key and came under Bearer")
	errCertificate = errors.New("the token is bound to another certificate than the connection's")
	errUnbound     = errors.New("the client's profile is strict and the token is bound to nothing")
)

// checkHolder decides whether who sends a token is who it was issued to (RFC 8705 section
// 3, RFC 9449 section 7.1), and uses the proof up, last.
func (v *Verifier) checkHolder(ctx context.Context, in Presentation, c claimSet, standing models.ClientStanding, now time.Time) error {
	bound := c.Confirmation
	if bound == nil || *bound == (confirmation{}) {
		if in.DPoP {
			return ErrInvalidToken.WithCause(errNotBound)
		}
		if standing.Client.Profile == models.ProfileStrict {
			return ErrInvalidToken.WithCause(errUnbound)
		}
		return nil
	}
	if want := bound.CertificateThumbprint; want != "" {
		if !sameThumbprint(in.Certificate, want) {
			return ErrInvalidToken.WithCause(errCertificate)
		}
		if err := checkDates(in.Certificate, now); err != nil {
			return err
		}
	}
	if bound.KeyThumbprint == "" {
		if in.DPoP {
			return ErrInvalidToken.WithCause(errNotBound)
		}
		return nil
	}
	if !in.DPoP {
		return ErrInvalidToken.WithCause(errBoundBearer)
	}
	proof, err := checkProof(in.Proof, in.Token, v.nonces, standing.Client.Profile == models.ProfileStrict, now)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(proof.thumbprint), []byte(bound.KeyThumbprint)) != 1 {
		return badProof("it is signed by another key than the access token is bound to")
	}
	return useProof(ctx, v.clients, standing.Client.ID, proof)
}

func sameThumbprint(c *x509.Certificate, want string) bool {
	if c == nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(digestOf(c.Raw)), []byte(want)) == 1
}
