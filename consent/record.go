package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/internal/db"
	"countersign/internal/ledger"
	"countersign/models"
)

// record is what the ledger tells of a change beside the event itself: the request
// or the grant as it is after it, and the person who decided.
type record struct {
	request *models.ConsentRequest
	grant   *models.Grant
	person  *Evidence
	kind    string // the ledger's word for what moves nothing; empty: the states say it
}

// Terms of a request or grant as an entry of the ledger holds them. Entries are read
// by others and years later, so the names are part of the interface.
type recordedTerms struct {
	From           string           `json:"from,omitzero"` // state before; absent for the first
	To             string           `json:"to"`            // state after
	Epoch          int64            `json:"epoch,omitzero"`
	Version        int64            `json:"version,omitzero"` // of a grant's terms
	Reason         string           `json:"reason,omitzero"`
	ConsentRequest models.RequestID `json:"consentRequest,omitzero"` // the request a grant answers
	Tenant         string           `json:"tenant,omitzero"`         // of a request: as the partner wrote it
	Purpose        string           `json:"purpose,omitzero"`
	Reference      string           `json:"reference,omitzero"`
	Scopes         []string         `json:"scopes"`
	DeviceLimit    *int64           `json:"deviceLimit,omitzero"`
	Manufacturers  []string         `json:"manufacturers,omitzero"`
	GroupTags      []string         `json:"groupTags,omitzero"`
	PurchaseOrders []string         `json:"purchaseOrders,omitzero"`
	Until          time.Time        `json:"until"` // when the permission ends by itself
	Words          recordedWords    `json:"words"`
	Role           string           `json:"role,omitzero"`
	ForTenant      *recordedPerson  `json:"forTenant,omitzero"`
}

// recordedWords says which sentences tell a person what the terms mean.
type recordedWords struct {
	Version string            `json:"version"`
	SHA256  map[string]string `json:"sha256"` // digest of the text by language, hexadecimal digits
}

// recordedPerson is who decided, for its own organisation's eyes.
type recordedPerson struct {
	Name     string    `json:"name,omitzero"`
	Issuer   string    `json:"issuer,omitzero"`
	Subject  string    `json:"subject,omitzero"`
	ACR      string    `json:"acr,omitzero"`
	AMR      []string  `json:"amr,omitzero"`
	AuthTime time.Time `json:"authTime,omitzero"`
}

// elsewhere reports that another entry tells of the event: a request that is granted
// is record by its grant.
func (t record) elsewhere(event models.ConsentEvent) bool {
	return event.Subject == models.SubjectRequest && event.ToState == string(models.RequestGranted)
}

// entry makes the ledger's entry of an event.
func (t record) entry(event models.ConsentEvent) ledger.Entry {
	e := ledger.Entry{
		Kind: kindOf(event), Subject: string(event.Subject), SubjectID: event.SubjectID, PartnerID: event.PartnerID,
		Actor: event.Actor, ActorID: event.ActorID, RequestID: event.HTTPRequest, At: event.At, Event: event.ID,
		Body: t.terms(event),
	}
	if t.kind != "" {
		e.Kind = t.kind
	}
	if event.TenantID != nil {
		e.TenantID = *event.TenantID
	}
	return e
}

func (t record) terms(event models.ConsentEvent) recordedTerms {
	terms := recordedTerms{From: event.FromState, To: event.ToState, Epoch: event.Epoch, Reason: event.Reason}
	if r := t.request; r != nil {
		terms.Tenant, terms.Purpose, terms.Reference = r.TenantRef, r.Purpose, r.Reference
		terms.promise(PromiseOf(*r))
	}
	if g := t.grant; g != nil {
		terms.promise(PromiseOfGrant(*g))
		terms.Version = g.Version
		if g.RequestID != nil {
			terms.ConsentRequest = *g.RequestID
		}
	}
	if p := t.person; p != nil {
		terms.Role = string(p.Role)
		terms.ForTenant = &recordedPerson{
			Name: p.Name, Issuer: p.Issuer, Subject: p.Subject, ACR: p.ACR, AMR: p.AMR, AuthTime: p.AuthTime.UTC(),
		}
	}
	return terms
}

// promise takes in the terms, and by which words they are told.
func (t *recordedTerms) promise(p Promise) {
	t.Scopes, t.DeviceLimit, t.Until = p.Scopes, p.DeviceLimit, p.Until.UTC()
	t.Manufacturers, t.GroupTags, t.PurchaseOrders = p.Manufacturers, p.GroupTags, p.PurchaseOrders
	t.Words.SHA256 = map[string]string{}
	for _, language := range Languages() {
		words := Wording(language, p)
		t.Words.Version, t.Words.SHA256[language] = words.Version, words.Digest()
	}
}

// kinds are the words of the ledger for the state a request or grant has come to.
var kinds = map[models.ConsentSubject]map[string]string{
	models.SubjectRequest: {
		string(models.RequestPending): ledger.ConsentRequested, string(models.RequestDeclined): ledger.ConsentDeclined,
		string(models.RequestWithdrawn): ledger.ConsentWithdrawn, string(models.RequestExpired): ledger.ConsentExpired,
		string(models.RequestGranted): ledger.ConsentGranted,
	},
	models.SubjectGrant: {
		string(models.GrantActive): ledger.ConsentResumed, string(models.GrantSuspended): ledger.ConsentSuspended,
		string(models.GrantRevoking): ledger.ConsentRevoking, string(models.GrantRevoked): ledger.ConsentRevoked,
		string(models.GrantExpired): ledger.ConsentExpired,
	},
}

// kindOf names an event: mostly by where it leads, sometimes by who makes it.
func kindOf(event models.ConsentEvent) string {
	switch {
	case event.Subject == models.SubjectGrant && event.FromState == "":
		return ledger.ConsentGranted
	case event.ToState == string(models.GrantRevoking) && event.Actor == models.ActorPartner:
		return ledger.ConsentGivenBack
	}
	return kinds[event.Subject][event.ToState]
}

// recordSize bounds what one transaction of RecordHistory takes on.
const recordSize = 200

// RecordHistory writes into the ledger what the history holds from before there was
// one. It may run in several replicas at once and again at every start; it writes
// each event once, and in order.
func (s *Service) RecordHistory(ctx context.Context) error {
	for after := int64(0); ; {
		missing, err := s.rows(ctx).unrecorded(after, recordSize)
		if err != nil {
			return fmt.Errorf("look for history without an entry: %w", err)
		}
		if len(missing) == 0 {
			return nil
		}
		after = missing[len(missing)-1].ID
		err = s.db.InTx(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, event := range missing {
				if err := recordLate(ctx, within(ctx, tx), event); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// recordLate writes the entry of an old event. The terms are those of today: until
// there was a ledger they could not change.
func recordLate(ctx context.Context, r rows, event models.ConsentEvent) error {
	what := record{}
	if event.Subject == models.SubjectRequest {
		request, err := r.request(models.RequestID(event.SubjectID), scope{})
		if err != nil {
			return fmt.Errorf("read the request of an old event: %w", err)
		}
		what.request = &request
	} else {
		grant, err := r.grant(models.GrantID(event.SubjectID), scope{})
		if err != nil {
			return fmt.Errorf("read the grant of an old event: %w", err)
		}
		what.grant = &grant
	}
	return ledger.AddTx(ctx, r.tx, what.entry(event))
}
