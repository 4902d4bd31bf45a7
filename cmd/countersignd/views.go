package main

import (
	"time"

	"countersign/consent"
	"countersign/models"
	"countersign/partners"
)

// What operators' commands show. Secrets appear once, in the answer that made
// them.
type (
	listView[T any] struct {
		Items      []T    `json:"items"`
		NextCursor string `json:"nextCursor,omitempty"`
	}
	partnerView struct {
		ID                   models.PartnerID    `json:"id"`
		Kind                 models.PartnerKind  `json:"kind"`
		Name                 string              `json:"name"`
		MPNID                string              `json:"mpnId,omitempty"`
		State                models.PartnerState `json:"state"`
		DevicesPerHour       *int64              `json:"devicesPerHour,omitempty"`
		TenantDevicesPerHour *int64              `json:"tenantDevicesPerHour,omitempty"`
		RequestsPerMinute    *int64              `json:"requestsPerMinute,omitempty"`
		Contact              string              `json:"contact,omitempty"`
		CreatedAt            time.Time           `json:"createdAt"`
	}
	tenantView struct {
		ID        models.TenantID    `json:"id"`
		Name      string             `json:"name"`
		Domains   []string           `json:"domains,omitempty"`
		State     models.TenantState `json:"state"`
		IDProof   models.IDProof     `json:"idProof"`
		Language  string             `json:"language"`
		CreatedAt time.Time          `json:"createdAt"`
		ClaimedAt *time.Time         `json:"claimedAt,omitempty"`
	}
	clientView struct {
		ID         models.ClientID         `json:"clientId"`
		Secret     string                  `json:"clientSecret,omitempty"`
		Owner      models.OwnerKind        `json:"owner"`
		PartnerID  *models.PartnerID       `json:"partnerId,omitempty"`
		TenantID   *models.TenantID        `json:"tenantId,omitempty"`
		Name       string                  `json:"name"`
		Scopes     string                  `json:"scopes"`
		Method     models.ClientAuthMethod `json:"authMethod"`
		Profile    models.ClientProfile    `json:"profile"`
		JWKSURI    *string                 `json:"jwksUri,omitempty"`
		TLSSubject *string                 `json:"tlsSubject,omitempty"`
		State      models.ClientState      `json:"state"`
		FrozenBy   *models.OwnerKind       `json:"frozenBy,omitempty"`
		ExpiresAt  *time.Time              `json:"expiresAt,omitempty"`
		Legacy     *time.Time              `json:"legacyUntil,omitempty"`
		LastUsedAt *time.Time              `json:"lastUsedAt,omitempty"`
	}
	grantView struct {
		ID        string           `json:"id"`
		Kind      string           `json:"kind"`
		PartnerID models.PartnerID `json:"partnerId"`
		TenantID  string           `json:"tenantId"`
		State     string           `json:"state"`
		ExpiresAt time.Time        `json:"expiresAt"`
	}
	linkView struct {
		ID         models.LinkID    `json:"id"`
		ResellerID models.PartnerID `json:"resellerId"`
		ProviderID models.PartnerID `json:"providerId"`
		State      models.LinkState `json:"state"`
		CreatedAt  time.Time        `json:"createdAt"`
	}
	dispatchView struct {
		ID        int64                `json:"id"`
		State     models.DispatchState `json:"state"`
		PartnerID models.PartnerID     `json:"partnerId,omitempty"`
		TenantID  models.TenantID      `json:"tenantId,omitempty"`
		Attempts  int                  `json:"attempts,omitempty"`
		LastError string               `json:"lastError,omitempty"`
	}
)

func viewList[In, Out any](found []In, next string, view func(In) Out) listView[Out] {
	out := listView[Out]{Items: make([]Out, len(found)), NextCursor: next}
	for i, f := range found {
		out.Items[i] = view(f)
	}
	return out
}

func viewPartner(p models.Partner) partnerView {
	return partnerView{
		ID: p.ID, Kind: p.Kind, Name: p.Name, MPNID: p.MPNID, State: p.State, CreatedAt: p.CreatedAt, Contact: p.ContactEmail,
		DevicesPerHour: p.DevicesPerHour, TenantDevicesPerHour: p.TenantDevicesPerHour, RequestsPerMinute: p.RequestsPerMinute,
	}
}

func viewTenant(t partners.Tenant) tenantView {
	return tenantView{
		ID: t.ID, Name: t.Name, Domains: t.Domains, State: t.State, IDProof: t.IDProof, CreatedAt: t.CreatedAt, ClaimedAt: t.ClaimedAt, Language: t.Language,
	}
}

func viewClient(c models.OAuthClient, secret string) clientView {
	return clientView{
		ID: c.ID, Secret: secret, Owner: c.OwnerKind, PartnerID: c.PartnerID, TenantID: c.TenantID, Name: c.Name,
		Scopes: c.Scopes, Method: c.AuthMethod, Profile: c.Profile, JWKSURI: c.JWKSURI, TLSSubject: c.TLSSubject, State: c.State, FrozenBy: c.FrozenBy, ExpiresAt: c.ExpiresAt, Legacy: c.LegacyUntil, LastUsedAt: c.LastUsedAt,
	}
}

func viewConsent(c consent.Consent) grantView {
	if c.Grant != nil {
		return viewGrant(*c.Grant)
	}
	r := c.Request
	return grantView{ID: string(r.ID), Kind: string(c.Kind), PartnerID: r.PartnerID, TenantID: r.TenantRef, State: string(r.State), ExpiresAt: r.ExpiresAt}
}

func viewLink(l models.PartnerLink) linkView {
	return linkView{ID: l.ID, ResellerID: l.ResellerID, ProviderID: l.ProviderID, State: l.State, CreatedAt: l.CreatedAt}
}

func viewGrant(g models.Grant) grantView {
	return grantView{
		ID: string(g.ID), Kind: string(consent.KindGrant), PartnerID: g.PartnerID, TenantID: string(g.TenantID),
		State: string(g.State), ExpiresAt: g.ExpiresAt,
	}
}

func viewDispatch(d models.Dispatch) dispatchView {
	return dispatchView{ID: d.ID, State: d.State, PartnerID: d.PartnerID, TenantID: d.TenantID, Attempts: d.Attempt, LastError: d.LastError}
}
