package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/internal/errs"
	"countersign/models"
)

// ownScope is what an actor may see and change: a partner its own, a customer
// its tenant's, an operator and the system everything.
func ownScope(actor Actor) (scope, error) {
	switch {
	case actor.Kind == models.ActorPartner && actor.PartnerID != "":
		return scope{partner: actor.PartnerID, literal: true}, nil
	case actor.Kind == models.ActorCustomer && actor.TenantID != "":
		return scope{tenant: actor.TenantID}, nil
	case actor.Kind == models.ActorOperator:
		return scope{}, nil
	}
	return scope{}, ErrNotYours
}

// scope adds the filter to what the viewer may see; it never widens it. An
// operator names a partner or a tenant.
func (f Filter) scope() (scope, error) {
	own, err := ownScope(f.Viewer)
	if err != nil {
		return own, err
	}
	if own.partner == "" {
		own.partner = f.PartnerID
	}
	if own.tenant == "" {
		own.tenant = f.TenantID
	}
	if own.partner == "" && own.tenant == "" {
		return own, ErrInvalid.WithDetail("Name a partner or a tenant to list the consents of.").
			WithFields(errs.Field{Name: "tenant", Cause: "is missing, and so is partner"})
	}
	return own, nil
}

// checkState refuses a state that no list shows.
func (f Filter) checkState() error {
	known := models.RequestState(f.State).Valid() && f.State != string(models.RequestGranted)
	if f.State == "" || known || models.GrantState(f.State).Valid() {
		return nil
	}
	return ErrInvalid.WithFields(errs.Field{Name: "state", Cause: "is not one of pending, declined, withdrawn, " +
		"active, suspended, revoking, revoked, expired; a granted request is listed as its grant"})
}

// List returns requests and grants, newest first, and the cursor of the next
// page, empty on the last. A granted request appears as its grant only.
func (s *Service) List(ctx context.Context, f Filter) (items []Consent, next string, err error) {
	own, err := f.scope()
	if err != nil {
		return nil, "", err
	}
	if err := f.checkState(); err != nil {
		return nil, "", err
	}
	tag := []string{"consents", string(f.Viewer.Kind), string(own.partner), string(own.tenant), f.State}
	after, err := decodePosition(f.Cursor, tag...)
	if err != nil {
		return nil, "", err
	}
	limit := pageSize(f.Limit)
	r := s.rows(ctx)
	items, err = page(r, own, f.State, after, limit+1)
	if err != nil {
		return nil, "", err
	}
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].position().encode(tag...)
	}
	if err := s.complete(r, items, f.Viewer); err != nil {
		return nil, "", err
	}
	return items, next, nil
}

// page merges requests and grants. Requests are read first: one that is granted
// between the two queries is then seen twice at worst, and not missed.
func page(r rows, own scope, state string, after *position, limit int) ([]Consent, error) {
	var items []Consent
	if state == "" || models.RequestState(state).Valid() {
		requests, err := r.requestPage(own, state, after, limit)
		if err != nil {
			return nil, fmt.Errorf("list requests: %w", err)
		}
		for i := range requests {
			items = append(items, Consent{Kind: KindRequest, Request: &requests[i]})
		}
	}
	if state == "" || models.GrantState(state).Valid() {
		grants, err := r.grantPage(own, state, after, limit)
		if err != nil {
			return nil, fmt.Errorf("list grants: %w", err)
		}
		for i := range grants {
			items = append(items, Consent{Kind: KindGrant, Grant: &grants[i]})
		}
	}
	slices.SortFunc(items, newestFirst)
	return items, nil
}

func (c Consent) position() position {
	if c.Kind == KindRequest {
		return position{c.Request.CreatedAt, string(c.Request.ID)}
	}
	return position{c.Grant.CreatedAt, string(c.Grant.ID)}
}

func newestFirst(a, b Consent) int {
	pa, pb := a.position(), b.position()
	if c := pb.at.Compare(pa.at); c != 0 {
		return c
	}
	return strings.Compare(pb.id, pa.id)
}

// complete adds to each item the request behind a grant and the names, and takes
// away what the viewer must not see.
func (s *Service) complete(r rows, items []Consent, viewer Actor) error {
	var behind []models.RequestID
	for _, item := range items {
		if item.Grant != nil && item.Request == nil && item.Grant.RequestID != nil {
			behind = append(behind, *item.Grant.RequestID)
		}
	}
	if err := addRoots(r, items); err != nil {
		return err
	}
	requests, err := r.requestsOf(behind)
	if err != nil {
		return fmt.Errorf("read the requests behind grants: %w", err)
	}
	for i := range items {
		item := &items[i]
		if item.Grant != nil && item.Request == nil && item.Grant.RequestID != nil {
			request := requests[*item.Grant.RequestID]
			item.Request = &request
		}
		if item.Request != nil {
			shown := *item.Request
			if shown.LinkDigest = nil; viewer.Kind == models.ActorPartner && item.Grant == nil {
				shown = forPartner(shown)
			}
			item.Request = &shown
		}
	}
	return addNames(r, items)
}

// addRoots adds to each derived grant the one it rests on.
func addRoots(r rows, items []Consent) error {
	var ids []models.GrantID
	for _, item := range items {
		if item.Grant != nil && item.Grant.DerivedFrom != nil {
			ids = append(ids, *item.Grant.DerivedFrom)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	var found []models.Grant
	if err := r.g.Where("id IN ?", ids).Find(&found).Error; err != nil {
		return fmt.Errorf("read what derived grants rest on: %w", err)
	}
	for i, item := range items {
		for j := range found {
			if item.Grant != nil && item.Grant.DerivedFrom != nil && *item.Grant.DerivedFrom == found[j].ID {
				items[i].Root = &found[j]
			}
		}
	}
	return nil
}

// addNames fills in the names of both sides, as far as they are not hidden.
func addNames(r rows, items []Consent) error {
	var partners []models.PartnerID
	var tenants []models.TenantID
	for _, item := range items {
		partner, tenant := item.sides()
		partners, tenants = append(partners, partner), append(tenants, tenant)
	}
	partnerNames, err := names(r, partners, func(p models.Partner) (models.PartnerID, string) { return p.ID, p.Name })
	if err != nil {
		return fmt.Errorf("read partners' names: %w", err)
	}
	tenantNames, err := names(r, tenants, func(t models.Tenant) (models.TenantID, string) { return t.ID, t.Name })
	if err != nil {
		return fmt.Errorf("read tenants' names: %w", err)
	}
	for i := range items {
		partner, tenant := items[i].sides()
		items[i].PartnerName, items[i].TenantName = partnerNames[partner], tenantNames[tenant]
	}
	return nil
}

// sides are partner and tenant of the item; the tenant is empty when hidden or
// unknown.
func (c Consent) sides() (models.PartnerID, models.TenantID) {
	if c.Grant != nil {
		return c.Grant.PartnerID, c.Grant.TenantID
	}
	if c.Request.TenantID == nil {
		return c.Request.PartnerID, ""
	}
	return c.Request.PartnerID, *c.Request.TenantID
}

// Get returns one request or grant by its id; ErrNotFound if there is none that
// the actor may see. A request that was granted brings its grant.
func (s *Service) Get(ctx context.Context, actor Actor, id string) (Consent, error) {
	own, err := ownScope(actor)
	if err != nil {
		return Consent{}, err
	}
	r := s.rows(ctx)
	found, err := find(r, own, id)
	if err != nil {
		return Consent{}, err
	}
	items := []Consent{found}
	if err := s.complete(r, items, actor); err != nil {
		return Consent{}, err
	}
	return items[0], nil
}

func find(r rows, own scope, id string) (Consent, error) {
	if !models.ValidGUID(id) {
		return Consent{}, ErrNotFound
	}
	request, err := r.request(models.RequestID(id), own)
	if err == nil {
		found := Consent{Kind: KindRequest, Request: &request}
		if request.GrantID != nil {
			var grant models.Grant
			grant, err = r.grant(*request.GrantID, own)
			found.Grant = &grant
		}
		return found, err
	}
	if !errors.Is(err, ErrNotFound) {
		return Consent{}, fmt.Errorf("read the request: %w", err)
	}
	grant, err := r.grant(models.GrantID(id), own)
	return Consent{Kind: KindGrant, Grant: &grant}, err
}

// History returns every change of a request or grant, oldest first; a grant's
// begins with the request it came from. Client ids and request ids of the other
// side are blank.
func (s *Service) History(ctx context.Context, actor Actor, id string) ([]models.ConsentEvent, error) {
	found, err := s.Get(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	var subjects []string
	if found.Request != nil {
		subjects = append(subjects, string(found.Request.ID))
	}
	if found.Grant != nil {
		subjects = append(subjects, string(found.Grant.ID))
	}
	events, err := s.rows(ctx).events(subjects...)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	for i := range events {
		if actor.Kind != models.ActorOperator && events[i].Actor != actor.Kind {
			events[i].ActorID, events[i].HTTPRequest = "", ""
		}
		if actor.Kind == models.ActorPartner && found.Grant == nil {
			events[i].TenantID = nil
		}
	}
	return events, nil
}
