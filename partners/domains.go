package partners

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/internal/ledger"
	"countersign/models"
)

// Resolver asks the DNS; *net.Resolver is one.
type Resolver interface {
	// LookupTXT returns the TXT records of a name, each joined to one text.
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// ChallengeLabel is the name below a domain at which its owner publishes our token.
const ChallengeLabel = "_countersign-challenge."

// ChallengeLife is how long a token can be used.
const ChallengeLife = 14 * 24 * time.Hour

// maxProvable is the longest domain with room for ChallengeLabel in front.
const maxProvable = maxDomainSize - len(ChallengeLabel)

// dnsTimeout bounds one question.
const dnsTimeout = 10 * time.Second

// DomainList is what a tenant has and is proving.
type DomainList struct {
	Domains    []models.TenantDomain
	Challenges []models.DomainChallenge // those that can still be used
}

// DomainsOf lists the domains of a tenant and the proofs under way, by name.
func (r *Registry) DomainsOf(ctx context.Context, tenant models.TenantID) (DomainList, error) {
	t := r.read(ctx)
	domains, err := t.tenantDomains(tenant)
	if err != nil {
		return DomainList{}, stored(err)
	}
	challenges, err := t.challenges(tenant)
	if err != nil {
		return DomainList{}, stored(err)
	}
	now, err := r.deps.DB.Now(ctx)
	if err != nil {
		return DomainList{}, stored(err)
	}
	challenges = slices.DeleteFunc(challenges, func(c models.DomainChallenge) bool { return !c.ExpiresAt.After(now) })
	return DomainList{domains, challenges}, nil
}

// ChallengeDomain begins the proof that a domain is the tenant's: the token it returns is
// to be published as a TXT record at ChallengeLabel below the domain. It belongs to this
// tenant and domain alone, so that nobody proves anything with what is public once it is
// in the DNS. Asked again, it returns the same token until that expires. It fails with
// ErrInvalid, and with ErrDomainTaken when another tenant has proven the domain.
func (r *Registry) ChallengeDomain(ctx context.Context, tenant models.TenantID, domain string) (models.DomainChallenge, error) {
	domain, err := provable(domain)
	if err != nil {
		return models.DomainChallenge{}, err
	}
	var challenge models.DomainChallenge
	err = r.inTx(ctx, func(ctx context.Context, t change) error {
		if err := t.mayTake(tenant, domain); err != nil {
			return err
		}
		had, known, err := t.challenge(tenant, domain)
		if err != nil {
			return err
		}
		if known && had.ExpiresAt.After(t.now) {
			challenge = had
			return nil
		}
		if err := t.roomForChallenge(tenant); err != nil {
			return err
		}
		challenge = models.DomainChallenge{
			TenantID: tenant, Domain: domain, Token: strings.ToLower(rand.Text() + rand.Text()), CreatedAt: t.now, ExpiresAt: t.now.Add(ChallengeLife),
		}
		if err := t.dropChallenge(tenant, domain); err != nil {
			return err
		}
		return t.add(&challenge)
	})
	return challenge, err
}

// provable brings a domain to the form it is stored in, or says what is wrong with it.
func provable(domain string) (string, error) {
	folded, wrong := foldDomains([]string{domain})
	wrong.add(len(wrong) == 0 && len(folded[0]) > maxProvable, "domain", "must be at most 230 characters")
	if len(wrong) > 0 {
		wrong[0].Name = "domain"
		return "", wrong.err()
	}
	return folded[0], nil
}

// roomForChallenge bounds what one tenant keeps here.
func (t change) roomForChallenge(tenant models.TenantID) error {
	n, err := t.countChallenges(tenant)
	if err != nil {
		return err
	}
	var wrong complaints
	wrong.add(n >= maxDomains, "domain", "is one too many: at most 100 proofs can be under way")
	return wrong.err()
}

// mayTake refuses a domain that another tenant holds by a proof. On an operator's word
// alone, or while it is suspended, nobody holds a domain against its proven owner.
func (t change) mayTake(tenant models.TenantID, domain string) error {
	held, known, err := t.domain(domain)
	if err != nil || !known || held.TenantID == tenant || held.Proof == models.ProvenByOperator {
		return err
	}
	holder, err := t.tenant(held.TenantID)
	if err != nil {
		return err
	}
	if holder.State == models.TenantActive {
		return ErrDomainTaken.WithDetail("The domain belongs to another customer of this service. If it is yours now, ask the operator.")
	}
	return nil
}

// VerifyDomain asks the DNS for the token and, when it is there, makes the domain the
// tenant's. Asked again for a domain that it has, it renews the date of the proof. It fails
// with ErrInvalid, ErrNoChallenge, ErrNotProven, ErrDNS or ErrDomainTaken.
func (r *Registry) VerifyDomain(ctx context.Context, tenant models.TenantID, domain string) (models.TenantDomain, error) {
	domain, err := provable(domain)
	if err != nil {
		return models.TenantDomain{}, err
	}
	token, err := r.liveToken(ctx, tenant, domain)
	if err != nil {
		return models.TenantDomain{}, err
	}
	if err := r.askDNS(ctx, domain, token); err != nil {
		return models.TenantDomain{}, err
	}
	proven := models.TenantDomain{Domain: domain, TenantID: tenant, Proof: models.ProvenByDNS}
	err = r.inTx(ctx, func(ctx context.Context, t change) error {
		proven.VerifiedAt = t.now
		still, known, err := t.challenge(tenant, domain)
		if err != nil {
			return err
		}
		if !known || still.Token != token {
			return ErrNoChallenge
		}
		return t.take(ctx, proven)
	})
	return proven, err
}

func (r *Registry) liveToken(ctx context.Context, tenant models.TenantID, domain string) (string, error) {
	challenge, known, err := r.read(ctx).challenge(tenant, domain)
	if err != nil {
		return "", stored(err)
	}
	now, err := r.deps.DB.Now(ctx)
	if err != nil {
		return "", stored(err)
	}
	if !known || !challenge.ExpiresAt.After(now) {
		return "", ErrNoChallenge
	}
	return challenge.Token, nil
}

// askDNS looks for the token. A name that is not there is an answer; no answer is none.
func (r *Registry) askDNS(ctx context.Context, domain, token string) error {
	ctx, cancel := context.WithTimeout(ctx, dnsTimeout)
	defer cancel()
	records, err := r.deps.DNS.LookupTXT(ctx, ChallengeLabel+domain+".")
	var failed *net.DNSError
	if errors.As(err, &failed) && failed.IsNotFound {
		err = nil
	}
	if err != nil {
		return ErrDNS.WithCause(err)
	}
	if !slices.ContainsFunc(records, func(text string) bool { return strings.TrimSpace(text) == token }) {
		return ErrNotProven.WithDetail("The TXT record at %s%s does not hold %s. DNS servers may take a while to serve a new record; verify again then.", ChallengeLabel, domain, token).
			WithFields(errs.Field{Name: "domain", Cause: "the DNS does not hold the record"})
	}
	return nil
}

// take makes a proven domain its tenant's, from whoever held it on an operator's word.
func (t change) take(ctx context.Context, proven models.TenantDomain) error {
	held, known, err := t.domain(proven.Domain)
	if err != nil {
		return err
	}
	if err := t.mayTake(proven.TenantID, proven.Domain); err != nil {
		return err
	}
	if known {
		if err := t.dropDomain(held); err != nil {
			return err
		}
	}
	if known && held.TenantID != proven.TenantID {
		if err := t.noteDomain(ctx, held, "domainLost"); err != nil {
			return err
		}
	}
	if err := t.add(&proven); err != nil {
		return named(err, ErrDomainTaken)
	}
	return t.noteDomain(ctx, proven, "domainProven")
}

// ReleaseDomain ends a tenant's hold of a domain; ErrNoDomain when it has none.
func (r *Registry) ReleaseDomain(ctx context.Context, tenant models.TenantID, domain string) error {
	domain, err := provable(domain)
	if err != nil {
		return err
	}
	return r.inTx(ctx, func(ctx context.Context, t change) error {
		held, known, err := t.domain(domain)
		if err != nil {
			return err
		}
		if !known || held.TenantID != tenant {
			return ErrNoDomain
		}
		if err := t.dropDomain(held); err != nil {
			return err
		}
		return t.noteDomain(ctx, held, "domainReleased")
	})
}

// SweepChallenges deletes tokens that can be used no more.
func (r *Registry) SweepChallenges(ctx context.Context) error {
	return r.inTx(ctx, func(_ context.Context, t change) error { return t.forgetChallenges(t.now) })
}

func (t change) noteDomain(ctx context.Context, d models.TenantDomain, what string) error {
	return t.note(ctx, ledger.Entry{
		Kind: ledger.TenantChanged, Subject: ledger.OfTenant, SubjectID: string(d.TenantID), TenantID: d.TenantID,
		Body: map[string]any{"change": what, "domain": d.Domain, "proof": d.Proof},
	})
}

func (r rows) challenge(tenant models.TenantID, domain string) (models.DomainChallenge, bool, error) {
	var row models.DomainChallenge
	err := r.first(&row, "tenant_id = ? AND domain = ?", tenant, domain)
	if db.IsNotFound(err) {
		return row, false, nil
	}
	return row, err == nil, err
}

func (r rows) domain(domain string) (models.TenantDomain, bool, error) {
	var row models.TenantDomain
	err := r.first(&row, "domain = ?", domain)
	if db.IsNotFound(err) {
		return row, false, nil
	}
	return row, err == nil, err
}
