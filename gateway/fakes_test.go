package gateway_test

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"countersign/authz"
	"countersign/consent"
	"countersign/gateway/intake"
	"countersign/gateway/ratelimit"
	"countersign/models"
	"countersign/registration"
)

// The methods below make edge its own neighbours.

func (e *edge) Verify(_ context.Context, in authz.Presentation) (authz.Principal, error) {
	if e.presented != nil {
		e.presented(in)
	}
	return e.verify(in.Token)
}

type tokenEndpoint struct{ *edge }

func (t tokenEndpoint) Revoke(_ context.Context, req authz.TokenRequest) error {
	return t.revokeToken(req)
}

func (t tokenEndpoint) Introspect(_ context.Context, req authz.TokenRequest) (authz.TokenStatus, error) {
	return t.introspect(req)
}

func (e *edge) Recheck(_ context.Context, token string) error {
	_, err := e.verify(token)
	return err
}

type nonces struct{}

func (nonces) Current(time.Time) string { return "nonce-now" }

func (e *edge) Exchange(_ context.Context, req authz.TokenRequest) (authz.TokenResponse, error) {
	return e.exchange(req)
}

type throttle struct{ *edge }

func (t throttle) Request(context.Context, authz.Principal) (ratelimit.Decision, error) {
	return t.request()
}

func (t throttle) Standing(_ context.Context, p authz.Principal, tenant models.TenantID) (ratelimit.Decision, error) {
	if t.standing == nil {
		return ratelimit.Decision{}, nil
	}
	return t.standing(p, tenant)
}

func (t throttle) TokenRequest(_ context.Context, source netip.Addr) (ratelimit.Decision, error) {
	return t.tokenRequest(source)
}

func (t throttle) SecretAttempt(_ context.Context, client models.ClientID, source netip.Addr) (ratelimit.Decision, error) {
	return t.secretAttempt(client, source)
}

func (t throttle) SecretProven(context.Context, ratelimit.Decision) error {
	t.proven++
	return nil
}

func (e *edge) Accept(_ context.Context, call intake.Call, src intake.Source) (intake.Accepted, error) {
	if e.accept == nil {
		return intake.Accepted{}, errUnexpected
	}
	return e.accept(call, src)
}

func (e *edge) Report(_ context.Context, call intake.Call, src intake.ReportSource) (intake.Accepted, error) {
	if e.report == nil {
		return intake.Accepted{}, errUnexpected
	}
	return e.report(call, src)
}

func (e *edge) Remove(_ context.Context, call intake.Call, batch string, device models.DeviceID) (intake.Accepted, error) {
	if e.remove == nil {
		return intake.Accepted{}, errUnexpected
	}
	return e.remove(call, batch, device)
}

func (e *edge) RemoveDevice(_ context.Context, call intake.Call, device intake.Registered) (intake.Accepted, error) {
	if e.removeDevice == nil {
		return intake.Accepted{}, errUnexpected
	}
	return e.removeDevice(call, device)
}

func (e *edge) Replace(_ context.Context, call intake.Call, device intake.Registered, row intake.Row) (intake.Accepted, error) {
	if e.replace == nil {
		return intake.Accepted{}, errUnexpected
	}
	return e.replace(call, device, row)
}

func (e *edge) BatchJobStatus(_ context.Context, scope intake.Scope, id models.TrackingID) (intake.UploadStatus, iter.Seq2[intake.RowStatus, error], error) {
	if e.status == nil {
		return intake.UploadStatus{}, nil, errUnexpected
	}
	return e.status(scope, id)
}

func (e *edge) UploadRows(_ context.Context, scope intake.Scope, _ models.TrackingID, filter intake.RowFilter, page intake.Page) ([]intake.RowStatus, string, error) {
	if e.rows == nil {
		return nil, "", errUnexpected
	}
	return e.rows(scope, filter, page)
}

func (e *edge) Uploads(_ context.Context, scope intake.Scope, filter intake.UploadFilter, page intake.Page) ([]intake.UploadStatus, string, error) {
	if e.uploads == nil {
		return nil, "", errUnexpected
	}
	return e.uploads(scope, filter, page)
}

type deviceReader struct{ *edge }

func (d deviceReader) Devices(_ context.Context, scope registration.Scope, filter registration.Filter, page registration.Page) ([]registration.Device, string, error) {
	if d.find == nil {
		return nil, "", errUnexpected
	}
	return d.find(scope, filter, page)
}

func (d deviceReader) Device(_ context.Context, scope registration.Scope, id models.DeviceID) (registration.Device, error) {
	if d.device == nil {
		return registration.Device{}, errUnexpected
	}
	return d.device(scope, id)
}

func (d deviceReader) History(_ context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]models.DeviceEvent, string, error) {
	if d.story == nil {
		return nil, "", errUnexpected
	}
	return d.story(scope, id, page)
}

type attention struct{ *edge }

func (a attention) Cases(_ context.Context, scope registration.CaseScope, filter registration.CaseFilter, page registration.Page) ([]registration.Case, string, error) {
	if a.cases == nil {
		return nil, "", errUnexpected
	}
	return a.cases(scope, filter, page)
}

func (a attention) Case(_ context.Context, scope registration.CaseScope, id models.CaseID) (registration.Case, error) {
	if a.oneCase == nil {
		return registration.Case{}, errUnexpected
	}
	return a.oneCase(scope, id)
}

func (a attention) Settle(_ context.Context, s models.Settling) (registration.Case, error) {
	if a.settle == nil {
		return registration.Case{}, errUnexpected
	}
	return a.settle(s)
}

func (a attention) Explain(_ context.Context, scope registration.Scope, id models.DeviceID, page registration.Page) ([]registration.Explanation, string, error) {
	if a.explain == nil {
		return nil, "", errUnexpected
	}
	return a.explain(scope, id, page)
}

func (a attention) Epochs(_ context.Context, who consent.Acting) (consent.Permit, error) {
	if a.epochs == nil {
		return consent.Permit{}, errUnexpected
	}
	return a.epochs(who)
}

func (e *edge) Batches(_ context.Context, scope intake.Scope) iter.Seq2[models.Batch, error] {
	if e.batches == nil {
		return func(yield func(models.Batch, error) bool) { yield(models.Batch{}, errUnexpected) }
	}
	return e.batches(scope)
}

func (e *edge) BatchDevices(_ context.Context, scope intake.Scope, name string, page intake.Page) ([]intake.Device, string, error) {
	if e.devices == nil {
		return nil, "", errUnexpected
	}
	return e.devices(scope, name, page)
}

func (e *edge) List(_ context.Context, f consent.Filter) ([]consent.Consent, string, error) {
	if e.list == nil {
		return nil, "", errUnexpected
	}
	return e.list(f)
}

func (e *edge) Get(_ context.Context, who consent.Actor, id string) (consent.Consent, error) {
	if e.get == nil {
		return consent.Consent{}, errUnexpected
	}
	return e.get(who, id)
}

func (e *edge) History(_ context.Context, who consent.Actor, id string) ([]models.ConsentEvent, error) {
	if e.history == nil {
		return nil, errUnexpected
	}
	return e.history(who, id)
}

func (e *edge) Request(_ context.Context, who consent.Actor, in consent.NewRequest) (consent.Asked, error) {
	if e.ask == nil {
		return consent.Asked{}, errUnexpected
	}
	return e.ask(who, in)
}

func (e *edge) decision(what string, who consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	if e.decide == nil {
		return models.ConsentRequest{}, errUnexpected
	}
	return e.decide(what, who, string(id), reason)
}

func (e *edge) Withdraw(_ context.Context, who consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	return e.decision("withdraw", who, id, reason)
}

func (e *edge) Decline(_ context.Context, who consent.Actor, id models.RequestID, reason string) (models.ConsentRequest, error) {
	return e.decision("decline", who, id, reason)
}

func (e *edge) Grant(_ context.Context, who consent.Actor, id models.RequestID, terms consent.Terms) (models.Grant, error) {
	if e.grant == nil {
		return models.Grant{}, errUnexpected
	}
	return e.grant(who, id, terms)
}

func (e *edge) Revoke(_ context.Context, who consent.Actor, id models.GrantID, reason string) (consent.Revocation, error) {
	if e.revoke == nil {
		return consent.Revocation{}, errUnexpected
	}
	return e.revoke(who, id, reason)
}

func (e *edge) changed(what string, who consent.Actor, id models.GrantID, reason string) (models.Grant, error) {
	if e.change == nil {
		return models.Grant{}, errUnexpected
	}
	return e.change(what, who, id, reason)
}

func (e *edge) Suspend(_ context.Context, who consent.Actor, id models.GrantID, reason string) (models.Grant, error) {
	return e.changed("suspend", who, id, reason)
}

func (e *edge) Resume(_ context.Context, who consent.Actor, id models.GrantID, reason string) (models.Grant, error) {
	return e.changed("resume", who, id, reason)
}

func (e *edge) Amend(_ context.Context, who consent.Actor, id models.GrantID, a consent.Amendment) (models.Grant, error) {
	if e.amend == nil {
		return models.Grant{}, errUnexpected
	}
	return e.amend(who, id, a)
}

func (e *edge) Versions(_ context.Context, _ consent.Actor, id models.GrantID) ([]models.GrantVersion, error) {
	if e.versions == nil {
		return nil, errUnexpected
	}
	return e.versions(id)
}

func (e *edge) PreviewEnd(_ context.Context, _ consent.Actor, id models.GrantID) (consent.Consequences, error) {
	if e.preview == nil {
		return consent.Consequences{}, errUnexpected
	}
	return e.preview(id)
}

func (e *edge) RevokeAll(_ context.Context, _ consent.Actor, partner models.PartnerID, n int, reason string) ([]consent.Revocation, error) {
	if e.revokeAll == nil {
		return nil, errUnexpected
	}
	return e.revokeAll(partner, n, reason)
}

func (e *edge) linked(what string, who consent.Actor, id, reason string) (models.PartnerLink, error) {
	if e.link == nil {
		return models.PartnerLink{}, errUnexpected
	}
	return e.link(what, who, id, reason)
}

func (e *edge) MakeLink(_ context.Context, who consent.Actor, provider models.PartnerID) (models.PartnerLink, error) {
	return e.linked("offer", who, string(provider), "")
}

func (e *edge) AcceptLink(_ context.Context, who consent.Actor, id models.LinkID) (models.PartnerLink, error) {
	return e.linked("accept", who, string(id), "")
}

func (e *edge) EndLink(_ context.Context, who consent.Actor, id models.LinkID, reason string) (models.PartnerLink, error) {
	return e.linked("end", who, string(id), reason)
}

func (e *edge) Links(_ context.Context, who consent.Actor, _ models.PartnerID) ([]models.PartnerLink, error) {
	link, err := e.linked("list", who, "", "")
	return []models.PartnerLink{link}, err
}

func (e *edge) Customers(_ context.Context, partner models.PartnerID, cursor string, limit int) ([]consent.Customer, string, error) {
	if e.customers == nil {
		return nil, "", errUnexpected
	}
	return e.customers(partner, cursor, limit)
}

func (e *edge) Customer(_ context.Context, partner models.PartnerID, id models.TenantID) (consent.Customer, error) {
	if e.customer == nil {
		return consent.Customer{}, errUnexpected
	}
	return e.customer(partner, id)
}

func (e *edge) Stopped(_ context.Context, after int64, limit int) ([]models.Dispatch, error) {
	if e.stopped == nil {
		return nil, errUnexpected
	}
	return e.stopped(after, limit)
}

func (e *edge) Restart(_ context.Context, id int64) error {
	if e.restart == nil {
		return errUnexpected
	}
	return e.restart(id)
}

func (e *edge) NewLink(_ context.Context, who consent.Actor, id models.RequestID, until *time.Time) (consent.Asked, error) {
	if e.newLink == nil {
		return consent.Asked{}, errUnexpected
	}
	return e.newLink(who, id, until)
}

func (e *edge) Remind(_ context.Context, who consent.Actor, id models.RequestID) (models.ConsentRequest, error) {
	return e.decision("remind", who, id, "")
}

func (e *edge) Block(_ context.Context, who consent.Actor, partner models.PartnerID, how consent.Blocking) (consent.Block, error) {
	if e.block == nil {
		return consent.Block{}, errUnexpected
	}
	return e.block(who, partner, how)
}

func (e *edge) Unblock(_ context.Context, who consent.Actor, partner models.PartnerID) error {
	if e.unblock == nil {
		return errUnexpected
	}
	return e.unblock(who, partner)
}

func (e *edge) Blocked(_ context.Context, who consent.Actor) ([]consent.Block, error) {
	if e.blocked == nil {
		return nil, errUnexpected
	}
	return e.blocked(who)
}
