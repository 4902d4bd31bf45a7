package gateway

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/gateway/wire"
	"countersign/models"
	"countersign/partners"
)

const ownClientsPath = "/v1/clients"

// ClientDesk keeps a partner's OAuth clients. What is another's is errs.NotFound.
type ClientDesk interface {
	Clients(ctx context.Context, filter partners.ClientFilter) ([]models.OAuthClient, string, error)
	OwnClient(ctx context.Context, partner models.PartnerID, id models.ClientID) (models.OAuthClient, error)
	OwnSecrets(ctx context.Context, partner models.PartnerID, id models.ClientID) ([]partners.SecretOf, error)
	NewOwnClient(ctx context.Context, by partners.Manager, in partners.NewClient) (models.OAuthClient, string, error)
	RotateOwnSecret(ctx context.Context, by partners.Manager, id models.ClientID, overlap time.Duration) (string, error)
	SetOwnKeys(ctx context.Context, by partners.Manager, id models.ClientID, jwks, certificates string) (models.OAuthClient, error)
	SwitchOwnClient(ctx context.Context, partner models.PartnerID, id models.ClientID, freeze bool) (models.OAuthClient, error)
}

// actingPartner names the caller to the register.
func actingPartner(c *gin.Context) context.Context {
	return partners.Acting(c.Request.Context(), partners.By{
		Kind: models.ActorPartner, ID: string(caller(c).ClientID), RequestID: exchangeOf(c.Request.Context()).requestID,
	})
}

// manager is the caller with what its token lets it do.
func manager(c *gin.Context) partners.Manager {
	return partners.Manager{Partner: caller(c).PartnerID, Scopes: caller(c).Scopes}
}

// listOwnClients lists the partner's clients: what each may do, until when, and when it was
// used last.
//
//	@Summary	List your OAuth clients
//	@Tags		clients
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.OwnClient]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[clients.manage]
//	@Router		/v1/clients [get]
func (s *server) listOwnClients(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	if p.err != nil {
		return p.err
	}
	found, next, err := s.Clients.Clients(c.Request.Context(), partners.ClientFilter{
		Owner: models.OwnerPartner, PartnerID: caller(c).PartnerID, Page: partners.Page{Cursor: page.Cursor, Limit: page.Limit},
	})
	if err != nil {
		return err
	}
	items := make([]wire.OwnClient, len(found))
	for i, client := range found {
		items[i] = s.ownClient(client, "")
	}
	return answerPage(c, items, next)
}

func (s *server) ownClient(m models.OAuthClient, secret string) wire.OwnClient {
	out := wire.OwnClient{
		ID: string(m.ID), Secret: secret, Name: m.Name, Scopes: strings.Fields(m.Scopes), Method: string(m.AuthMethod), Profile: string(m.Profile),
		State: string(m.State), CreatedAt: m.CreatedAt.UTC(), ExpiresAt: utc(m.ExpiresAt), LegacyUntil: utc(m.LegacyUntil), LastUsedAt: utc(m.LastUsedAt),
	}
	if m.JWKSURI != nil {
		out.JWKSURI = *m.JWKSURI
	}
	if m.TLSSubject != nil {
		out.TLSSubject = *m.TLSSubject
	}
	if m.FrozenBy != nil {
		out.FrozenBy = string(*m.FrozenBy)
	}
	if days, soon := endsSoon(m.ExpiresAt, s.Now()); soon {
		out.DaysLeft = &days
	}
	return out
}

// getOwnClient shows one client, with the times of its secrets.
//
//	@Summary	One of your OAuth clients
//	@Tags		clients
//	@Param		client	path	string	true	"id of the client"
//	@Success	200	{object}	wire.OwnClient
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[clients.manage]
//	@Router		/v1/clients/{client} [get]
func (s *server) getOwnClient(c *gin.Context) error {
	partner, id := caller(c).PartnerID, models.ClientID(c.Param("client"))
	client, err := s.Clients.OwnClient(c.Request.Context(), partner, id)
	if err != nil {
		return err
	}
	secrets, err := s.Clients.OwnSecrets(c.Request.Context(), partner, id)
	if err != nil {
		return err
	}
	out := s.ownClient(client, "")
	for _, secret := range secrets {
		out.Secrets = append(out.Secrets, wire.SecretTimes{CreatedAt: secret.CreatedAt.UTC(), ExpiresAt: utc(secret.ExpiresAt)})
	}
	return answer(c, http.StatusOK, out)
}

// makeOwnClient makes a client for a plant, a line or a program. Who manages clients is said
// by the operator of the service alone.
//
//	@Summary		Make an OAuth client of your own
//	@Description	With `jwks` or `jwksUri` it authenticates by private_key_jwt, with `certificates` by self_signed_tls_client_auth, with `tlsSubject` by tls_client_auth, otherwise by a secret, which is in this answer and nowhere else.
//	@Tags			clients
//	@Param			request	body	wire.NewOwnClient	true	"its name and what it proves itself by"
//	@Success		201	{object}	wire.OwnClient
//	@Failure		400,401,403	{object}	wire.Problem
//	@Security		oauth2[clients.manage]
//	@Router			/v1/clients [post]
func (s *server) makeOwnClient(c *gin.Context) error {
	var in wire.NewOwnClient
	if err := decode(c, &in); err != nil {
		return err
	}
	wanted := partners.NewClient{
		Name: in.Name, Scopes: in.Scopes, Profile: models.ClientProfile(in.Profile),
		JWKS: string(in.JWKS), JWKSURI: in.JWKSURI, Certificates: in.Certificates, TLSSubject: in.TLSSubject, ExpiresAt: in.ExpiresAt,
	}
	wanted.Method = partners.MethodOf(wanted)
	made, secret, err := s.Clients.NewOwnClient(actingPartner(c), manager(c), wanted)
	if err != nil {
		return err
	}
	c.Writer.Header().Set("Location", ownClientsPath+"/"+string(made.ID))
	return answer(c, http.StatusCreated, s.ownClient(made, secret))
}

// rotateOwnSecret gives a client a new secret, while the one before stays valid for a time.
//
//	@Summary		Give a client a new secret
//	@Description	The newest of the former secrets stays valid for `overlapHours`, 24 unless told and 720 at most; older ones end now. 0 ends all of them, which is what a leaked secret needs.
//	@Tags			clients
//	@Param			client	path	string				true	"id of the client"
//	@Param			request	body	wire.SecretRotation	true	"how long the former one stays valid"
//	@Success		200	{object}	wire.NewSecret
//	@Failure		400,401,403,404,409	{object}	wire.Problem
//	@Security		oauth2[clients.manage]
//	@Router			/v1/clients/{client}/secret [post]
func (s *server) rotateOwnSecret(c *gin.Context) error {
	var in wire.SecretRotation
	if err := decode(c, &in); err != nil {
		return err
	}
	overlap := 24 * time.Hour
	if in.OverlapHours != nil {
		overlap = time.Duration(*in.OverlapHours) * time.Hour
	}
	secret, err := s.Clients.RotateOwnSecret(actingPartner(c), manager(c), models.ClientID(c.Param("client")), overlap)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, wire.NewSecret{Secret: secret})
}

// putOwnKeys replaces the keys or certificates of a client. Two keys in one set are how a
// change has no gap: put both, move the client, put the new one alone.
//
//	@Summary	Replace the public keys or the certificates of a client
//	@Tags		clients
//	@Param		client	path	string			true	"id of the client"
//	@Param		request	body	wire.ClientKeys	true	"all that are valid from now on"
//	@Success	200	{object}	wire.OwnClient
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[clients.manage]
//	@Router		/v1/clients/{client}/keys [put]
func (s *server) putOwnKeys(c *gin.Context) error {
	var in wire.ClientKeys
	if err := decode(c, &in); err != nil {
		return err
	}
	client, err := s.Clients.SetOwnKeys(actingPartner(c), manager(c), models.ClientID(c.Param("client")), string(in.JWKS), in.Certificates)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.ownClient(client, ""))
}

// freezeOwnClient stops one client and nothing else of the partner: its next call is refused,
// and what it has submitted and was not forwarded yet stays refused.
//
//	@Summary	Freeze one of your OAuth clients
//	@Tags		clients
//	@Param		client	path	string	true	"id of the client"
//	@Success	200	{object}	wire.OwnClient
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[clients.manage]
//	@Router		/v1/clients/{client}/freeze [post]
func (s *server) freezeOwnClient(c *gin.Context) error { return s.switchOwnClient(c, true) }

// unfreezeOwnClient lets a client work again that the partner itself has frozen.
//
//	@Summary	Let a frozen OAuth client work again
//	@Tags		clients
//	@Param		client	path	string	true	"id of the client"
//	@Success	200	{object}	wire.OwnClient
//	@Failure	400,401,403,404,409	{object}	wire.Problem
//	@Security	oauth2[clients.manage]
//	@Router		/v1/clients/{client}/unfreeze [post]
func (s *server) unfreezeOwnClient(c *gin.Context) error { return s.switchOwnClient(c, false) }

func (s *server) switchOwnClient(c *gin.Context, freeze bool) error {
	client, err := s.Clients.SwitchOwnClient(actingPartner(c), caller(c).PartnerID, models.ClientID(c.Param("client")), freeze)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.ownClient(client, ""))
}

// warnDays is how long before a client's end its calls are told of it.
const warnDays = 30

// headerCredentialExpires tells a client that it ends soon, in every answer: whoever watches
// the line sees it in time.
const headerCredentialExpires = "Credential-Expires" //nolint:gosec // the name of a header

// endsSoon tells how many whole days are left, if they are few.
func endsSoon(at *time.Time, now time.Time) (days int, soon bool) {
	if at == nil {
		return 0, false
	}
	left := at.Sub(now)
	return int(left / (24 * time.Hour)), left > 0 && left <= warnDays*24*time.Hour
}
