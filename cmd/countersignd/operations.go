package main

import (
	"context"
	"maps"
	"time"

	"countersign/authz"
	"countersign/consent"
	"countersign/internal/admin"
	"countersign/models"
	"countersign/partners"
)

// Inputs of operators' commands. Both ends are this program, so Go's names do.
type (
	partnerInput struct {
		Kind    models.PartnerKind
		Name    string
		MPNID   string
		Budgets partners.Budgets

		NameChecked bool
		Contact     string
	}
	tenantInput struct {
		ID      models.TenantID
		Name    string
		Domains []string

		Language string
	}
	contactInput struct {
		ID      models.PartnerID
		Address string
	}
	languageInput struct {
		ID   models.TenantID
		Code string
	}
	clientInput struct {
		Partner      models.PartnerID
		Tenant       models.TenantID
		Name         string
		Scopes       []string
		CanManage    bool
		CanDecide    bool
		CanRegister  bool
		JWKS         string
		JWKSURI      string
		Profile      models.ClientProfile
		Certificates string
		TLSSubject   string
		ExpiresAt    *time.Time
		Legacy       *time.Time // until when the secret may come in the body
	}
	rotateInput struct {
		ID      models.ClientID
		Overlap time.Duration
	}
	budgetInput struct {
		ID      models.PartnerID
		Budgets partners.Budgets
	}
	listInput struct {
		Partner models.PartnerID
		Tenant  models.TenantID
		State   string
		Cursor  string
	}
	idInput struct {
		ID     string
		Reason string
	}
	dispatchInput struct{ ID int64 }
)

// operations is every operator's command over the joined services.
func operations(s *services) admin.Table {
	r := s.registry
	table := admin.Table{
		"partner.create": admin.Typed(func(ctx context.Context, in partnerInput) (partnerView, error) {
			p, err := r.CreatePartner(ctx, partners.NewPartner(in))
			return viewPartner(p), err
		}),
		"partner.list": admin.Typed(func(ctx context.Context, in listInput) (listView[partnerView], error) {
			found, next, err := r.Partners(ctx, partners.Page{Cursor: in.Cursor})
			return viewList(found, next, viewPartner), err
		}),
		"partner.suspend": onPartner(r.SuspendPartner),
		"partner.resume":  onPartner(r.ResumePartner),
		"partner.budget": admin.Typed(func(ctx context.Context, in budgetInput) (partnerView, error) {
			p, err := r.SetBudgets(ctx, in.ID, in.Budgets)
			return viewPartner(p), err
		}),
		"partner.contact": admin.Typed(func(ctx context.Context, in contactInput) (partnerView, error) {
			p, err := r.SetContact(ctx, in.ID, in.Address)
			return viewPartner(p), err
		}),
		"tenant.language": admin.Typed(func(ctx context.Context, in languageInput) (tenantView, error) {
			t, err := r.SetLanguage(ctx, in.ID, in.Code)
			return viewTenant(t), err
		}),
		"tenant.create": admin.Typed(func(ctx context.Context, in tenantInput) (tenantView, error) {
			t, err := r.CreateTenant(ctx, partners.NewTenant(in))
			return viewTenant(t), err
		}),
		"tenant.list": admin.Typed(func(ctx context.Context, in listInput) (listView[tenantView], error) {
			found, next, err := r.Tenants(ctx, partners.Page{Cursor: in.Cursor})
			return viewList(found, next, viewTenant), err
		}),
		"tenant.suspend": onTenant(r.SuspendTenant),
		"tenant.resume":  onTenant(r.ResumeTenant),
		"client.create": admin.Typed(func(ctx context.Context, in clientInput) (clientView, error) {
			c, secret, err := r.CreateClient(ctx, newClient(in))
			return viewClient(c, secret), err
		}),
		"client.list": admin.Typed(func(ctx context.Context, in listInput) (listView[clientView], error) {
			found, next, err := r.Clients(ctx, partners.ClientFilter{PartnerID: in.Partner, TenantID: in.Tenant, Page: partners.Page{Cursor: in.Cursor}})
			return viewList(found, next, func(c models.OAuthClient) clientView { return viewClient(c, "") }), err
		}),
		"client.freeze":   onClient(r.FreezeClient),
		"client.unfreeze": onClient(r.UnfreezeClient),
		"client.rotate": admin.Typed(func(ctx context.Context, in rotateInput) (clientView, error) {
			secret, err := r.RotateSecret(ctx, in.ID, in.Overlap)
			if err != nil {
				return clientView{}, err
			}
			c, err := r.Client(ctx, in.ID)
			return viewClient(c, secret), err
		}),
		"grant.list":       admin.Typed(s.grants),
		"grant.revoke":     admin.Typed(s.revoke),
		"link.list":        admin.Typed(s.links),
		"link.accept":      admin.Typed(s.acceptLink),
		"link.end":         admin.Typed(s.endLink),
		"dispatch.list":    admin.Typed(s.stopped),
		"dispatch.restart": admin.Typed(s.restart),
		"device.owner":     admin.Typed(s.owner),
	}
	maps.Copy(table, tenantOperations(s.config, s))
	return table
}

// newClient chooses owner, scopes and method from what the operator gave.
func newClient(in clientInput) partners.NewClient {
	owner := models.OwnerOperator
	switch {
	case in.Partner != "":
		owner = models.OwnerPartner
	case in.Tenant != "":
		owner = models.OwnerTenant
	}
	if len(in.Scopes) == 0 {
		in.Scopes = authz.DefaultScopes(owner)
	}
	if in.CanManage {
		in.Scopes = append(in.Scopes, authz.ScopeClientsManage)
	}
	if in.CanDecide {
		in.Scopes = append(in.Scopes, authz.ScopeConsentsDecide)
	}
	if in.CanRegister {
		in.Scopes = append(in.Scopes, authz.ScopeDevicesWrite)
	}
	made := partners.NewClient{
		Owner: owner, PartnerID: in.Partner, TenantID: in.Tenant, Name: in.Name,
		Scopes: in.Scopes, Profile: in.Profile, JWKS: in.JWKS, JWKSURI: in.JWKSURI, Certificates: in.Certificates, TLSSubject: in.TLSSubject, ExpiresAt: in.ExpiresAt, LegacyUntil: in.Legacy,
	}
	made.Method = partners.MethodOf(made)
	return made
}

func onPartner(change func(context.Context, models.PartnerID) (models.Partner, error)) admin.Command {
	return admin.Typed(func(ctx context.Context, in idInput) (partnerView, error) {
		p, err := change(ctx, models.PartnerID(in.ID))
		return viewPartner(p), err
	})
}

func onTenant(change func(context.Context, models.TenantID) (models.Tenant, error)) admin.Command {
	return admin.Typed(func(ctx context.Context, in idInput) (tenantView, error) {
		t, err := change(ctx, models.TenantID(in.ID))
		return viewTenant(partners.Tenant{Tenant: t}), err
	})
}

func onClient(change func(context.Context, models.ClientID) (models.OAuthClient, error)) admin.Command {
	return admin.Typed(func(ctx context.Context, in idInput) (clientView, error) {
		c, err := change(ctx, models.ClientID(in.ID))
		return viewClient(c, ""), err
	})
}

// operator is who the history names for a command on this machine.
func operator() consent.Actor {
	return consent.Actor{Kind: models.ActorOperator, ID: "countersignd admin"}
}

func (s *services) grants(ctx context.Context, in listInput) (listView[grantView], error) {
	found, next, err := s.consent.List(ctx, consent.Filter{
		Viewer: operator(), PartnerID: in.Partner, TenantID: in.Tenant, State: in.State, Cursor: in.Cursor,
	})
	return viewList(found, next, viewConsent), err
}

func (s *services) links(ctx context.Context, in listInput) (listView[linkView], error) {
	found, err := s.consent.Links(ctx, operator(), in.Partner)
	return viewList(found, "", viewLink), err
}

func (s *services) acceptLink(ctx context.Context, in idInput) (linkView, error) {
	link, err := s.consent.AcceptLink(ctx, operator(), models.LinkID(in.ID))
	return viewLink(link), err
}

func (s *services) endLink(ctx context.Context, in idInput) (linkView, error) {
	link, err := s.consent.EndLink(ctx, operator(), models.LinkID(in.ID), in.Reason)
	return viewLink(link), err
}

func (s *services) revoke(ctx context.Context, in idInput) (grantView, error) {
	done, err := s.consent.Revoke(ctx, operator(), models.GrantID(in.ID), in.Reason)
	return viewGrant(done.Grant), err
}

func (s *services) stopped(ctx context.Context, _ struct{}) (listView[dispatchView], error) {
	found, err := s.forward.Stopped(ctx, 0, 1000)
	return viewList(found, "", viewDispatch), err
}

func (s *services) restart(ctx context.Context, in dispatchInput) (dispatchView, error) {
	return dispatchView{ID: in.ID, State: models.DispatchReady}, s.forward.Restart(ctx, in.ID)
}
