package consent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// A link leads a person of the tenant to one request. It is a pointer and no key:
// whoever holds it still has to sign in as an admin or approver of that tenant. Only
// a digest of its secret is stored, and it ends with the decision, never by being
// opened, because mail scanners open every link.

// How long a link lasts when nobody says otherwise, and at most.
const (
	defaultLink = 7 * 24 * time.Hour
	longestLink = 90 * 24 * time.Hour
)

// secretBytes is the size of a link's secret: 256 bits from the system's generator.
const secretBytes = 32

// Asked is a request with the secret of its link, which is told this once.
type Asked struct {
	models.ConsentRequest
	Secret string // base64url without padding (RFC 4648 section 5), 43 characters
}

// newLink makes a secret and notes its digest on the request.
func newLink(request *models.ConsentRequest, until time.Time) string {
	var raw [secretBytes]byte
	_, _ = rand.Read(raw[:]) // never fails
	secret := base64.RawURLEncoding.EncodeToString(raw[:])
	request.LinkDigest, request.LinkUntil = linkDigest(secret), &until
	return secret
}

func linkDigest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// linkEnd is when a new link ends: as asked, else after a week, and with the question.
func (f *faults) linkEnd(asked *time.Time, now, question time.Time) time.Time {
	latest := now.Add(longestLink)
	if question.Before(latest) {
		latest = question
	}
	if asked == nil {
		if week := now.Add(defaultLink); week.Before(latest) {
			return week
		}
		return latest
	}
	until := instant(*asked)
	f.between("linkUntil", until, now, latest)
	return until
}

// RequestByLink finds the request a link leads to, for a signed-in admin or approver
// of the tenant it was sent to. It changes nothing. ErrLink is the one answer for a
// secret nobody gave out and for a link that is used, replaced, expired, withdrawn or
// another tenant's, and all of them cost the same: one digest, one look at the clock,
// one query, one comparison.
func (s *Service) RequestByLink(ctx context.Context, actor Actor, secret string) (Consent, error) {
	own, err := ownScope(actor)
	if err != nil {
		return Consent{}, err
	}
	if err := checkPerson(actor); err != nil {
		return Consent{}, err
	}
	digest := linkDigest(secret)
	now, err := s.db.Now(ctx)
	if err != nil {
		return Consent{}, fmt.Errorf("read the database's clock: %w", err)
	}
	r := s.rows(ctx)
	request, err := r.requestByLink(digest, own, now)
	if err != nil {
		return Consent{}, fmt.Errorf("look for a link: %w", err)
	}
	if subtle.ConstantTimeCompare(digest, stored(request.LinkDigest)) != 1 {
		return Consent{}, ErrLink
	}
	items := []Consent{{Kind: KindRequest, Request: &request}}
	if err := s.complete(r, items, actor); err != nil {
		return Consent{}, err
	}
	return items[0], nil
}

// stored is the digest to compare with; without one the comparison is made all the same.
func stored(digest []byte) []byte {
	if digest == nil {
		return make([]byte, sha256.Size)
	}
	return digest
}

// NewLink replaces the link of the partner's own pending request: the old one is dead.
// A nil until takes the default.
func (s *Service) NewLink(ctx context.Context, actor Actor, id models.RequestID, until *time.Time) (Asked, error) {
	if actor.Kind != models.ActorPartner {
		return Asked{}, ErrNotYours
	}
	var asked Asked
	err := s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
		request, now, err := openRequest(ctx, tx, id, actor, models.RequestWithdrawn)
		if err != nil {
			return err
		}
		var faults faults
		end := faults.linkEnd(until, now, request.ExpiresAt)
		if err := faults.err(); err != nil {
			return err
		}
		asked = Asked{request, newLink(&request, end)}
		asked.LinkDigest, asked.LinkUntil = request.LinkDigest, request.LinkUntil
		r := within(ctx, tx)
		moved, err := r.setLink(request)
		if err != nil {
			return fmt.Errorf("replace a link: %w", err)
		}
		if !moved {
			return ErrWrongState
		}
		return noteRequest(r, request, ledger.ConsentRelinked, cause{actor: actor, reason: "a new link replaced the old one", at: now})
	})
	return asked.forPartner(), err
}

// forPartner hides whether the tenant exists, and what is stored of the link.
func (a Asked) forPartner() Asked {
	a.ConsentRequest = forPartner(a.ConsentRequest)
	return a
}
