package signin

import (
	"context"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"countersign/internal/errs"
	"countersign/models"
)

// What the two values of a sign-in are derived for, from the browser's cookie.
const (
	forNonce = "sign-in nonce"
	forPKCE  = "sign-in pkce"
	forCSRF  = "session csrf"
)

// target is whose sign-in it is and how that goes.
type target struct {
	tenant     models.TenantID
	settings   models.TenantSignIn
	session    []byte // digest of the session of a step-up
	invitation *string
}

// Begin starts a sign-in and returns where to send the browser. It fails with
// ErrCannotSignIn, ErrInvitation, ErrProvider, and for a step-up ErrNoSession.
func (s *Service) Begin(ctx context.Context, start Start) (Redirect, error) {
	to, err := s.target(ctx, start)
	if err != nil {
		return Redirect{}, err
	}
	p, err := s.providers.find(ctx, to.settings.Issuer)
	if err != nil {
		s.log.WarnContext(ctx, "a tenant's provider cannot be used", "tenant", to.tenant, "error", err)
		return Redirect{}, ErrProvider.WithCause(err)
	}
	state, cookie := newSecret(), newSecret()
	attempt := models.SignInAttempt{
		StateDigest: digest(state), BrowserDigest: digest(cookie), TenantID: to.tenant, Purpose: models.AttemptSignIn,
		Version: to.settings.Version, ReturnTo: ownPath(start.ReturnTo), SessionDigest: to.session, InvitationID: to.invitation,
	}
	if start.StepUp {
		attempt.Purpose = models.AttemptStepUp
	}
	err = s.inTx(ctx, func(_ context.Context, t change) error {
		attempt.CreatedAt, attempt.ExpiresAt = t.now, t.now.Add(AttemptLife)
		return t.add(&attempt)
	})
	if err != nil {
		return Redirect{}, err
	}
	options := append(
		askFor(to.settings, start.StepUp),
		oidc.Nonce(s.deps.Sealer.Derive(forNonce, cookie)),
		oauth2.S256ChallengeOption(s.deps.Sealer.Derive(forPKCE, cookie)),
	)
	return Redirect{URL: s.config(p, to.settings, "").AuthCodeURL(state, options...), Cookie: cookie}, nil
}

// askFor says what the provider is to make sure of. A step-up asks for a new proof of
// identity whatever session the provider still has (OpenID Connect Core 1.0 section
// 3.1.2.1), and both ask for the factors that the tenant wants.
func askFor(settings models.TenantSignIn, stepUp bool) []oauth2.AuthCodeOption {
	var options []oauth2.AuthCodeOption
	if stepUp {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	if !settings.RequireMFA {
		return options
	}
	var classes, contexts []string
	for _, value := range splitList(settings.ACRValues) {
		if context, ok := strings.CutPrefix(value, contextMark); ok {
			contexts = append(contexts, context)
		} else {
			classes = append(classes, value)
		}
	}
	if len(classes) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(classes, " ")))
	}
	if len(contexts) > 0 {
		wish := map[string]any{"id_token": map[string]any{"acrs": map[string]any{"essential": true, "values": contexts}}}
		if text, err := json.Marshal(wish); err == nil {
			options = append(options, oauth2.SetAuthURLParam("claims", string(text)))
		}
	}
	return options
}

// target finds whose sign-in is meant.
func (s *Service) target(ctx context.Context, start Start) (target, error) {
	switch {
	case start.StepUp:
		session, _, err := s.session(ctx, start.Session)
		if err != nil {
			return target{}, err
		}
		to, err := s.settingsOf(ctx, session.Tenant.ID)
		to.session = digest(start.Session)
		return to, err
	case start.Invitation != "":
		invitation, err := s.openInvitation(ctx, start.Invitation)
		if err != nil {
			return target{}, err
		}
		to, err := s.settingsOf(ctx, invitation.TenantID)
		to.invitation = &invitation.ID
		return to, err
	case start.Tenant != "":
		id := models.TenantID(strings.ToLower(string(start.Tenant)))
		if !models.ValidGUID(string(id)) {
			return target{}, ErrCannotSignIn
		}
		return s.settingsOf(ctx, id)
	}
	domain := strings.ToLower(strings.TrimSpace(start.Domain))
	if domain == "" || len(domain) > 253 || !printable(domain) {
		return target{}, ErrCannotSignIn
	}
	id, found, err := s.read(ctx).tenantOfDomain(domain)
	if err != nil || !found {
		return target{}, errors.Join(stored(err), missing(found, ErrCannotSignIn))
	}
	return s.settingsOf(ctx, id)
}

// settingsOf finds how people of a tenant sign in. A tenant that is not here, or has
// no settings of its own, can use the shared provider when its id is one of that.
func (s *Service) settingsOf(ctx context.Context, id models.TenantID) (target, error) {
	r := s.read(ctx)
	tenant, here, err := r.tenant(id)
	if err != nil {
		return target{}, stored(err)
	}
	settings, set, err := r.settings(id)
	if err != nil {
		return target{}, stored(err)
	}
	if !set && (!here || tenant.IDProof != models.IDIssued) {
		settings, set = s.deps.Shared.settings(id)
	}
	if !set || !s.mayBegin(tenant, here, settings) {
		return target{}, ErrCannotSignIn
	}
	return target{tenant: id, settings: settings}, nil
}

// mayBegin refuses a tenant that is suspended, and one whose id an operator wrote unless
// the provider is the one that can prove it.
func (s *Service) mayBegin(tenant models.Tenant, here bool, settings models.TenantSignIn) bool {
	if !here {
		return true
	}
	return tenant.State == models.TenantActive &&
		(tenant.IDProof != models.IDNamed || s.provesID(tenant.ID, settings.Issuer))
}

// provesID reports whether an issuer is the one that gives out ids like this one. No
// other provider's word about a GUID counts, and neither does a domain.
func (s *Service) provesID(id models.TenantID, issuer string) bool {
	return s.deps.Shared.Issuer != "" && issuer == s.deps.Shared.issuerFor(id)
}

// refused is what a person learns of a check that failed; the log has the reason.
func (s *Service) refused(ctx context.Context, tenant models.TenantID, reason error) error {
	s.log.WarnContext(ctx, "a sign-in was refused", "tenant", tenant, "reason", reason)
	return errs.From(ErrSignInRefused.WithCause(reason))
}
