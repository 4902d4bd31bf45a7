package consent

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"countersign/internal/db"
	"countersign/internal/errs"
	"countersign/models"
)

// The legal transitions, written down a second time on purpose. Everything else
// must be refused.
var (
	legalRequests = map[[3]string]bool{
		{"pending", "granted", "customer"}:  true,
		{"pending", "declined", "customer"}: true,
		{"pending", "withdrawn", "partner"}: true,
		{"pending", "withdrawn", "system"}:  true,
		{"pending", "expired", "system"}:    true,
	}
	legalGrants = map[[3]string]bool{
		{"active", "suspended", "customer"}:   true,
		{"suspended", "active", "customer"}:   true,
		{"active", "revoking", "customer"}:    true,
		{"active", "revoking", "partner"}:     true,
		{"active", "revoking", "operator"}:    true,
		{"active", "revoking", "system"}:      true,
		{"suspended", "revoking", "customer"}: true,
		{"suspended", "revoking", "partner"}:  true,
		{"suspended", "revoking", "operator"}: true,
		{"suspended", "revoking", "system"}:   true,
		{"revoking", "revoked", "system"}:     true,
		{"active", "expired", "system"}:       true,
		{"suspended", "expired", "system"}:    true,
	}
	requestStates = []models.RequestState{
		models.RequestPending, models.RequestGranted, models.RequestDeclined, models.RequestWithdrawn, models.RequestExpired,
	}
	grantStates = []models.GrantState{
		models.GrantActive, models.GrantSuspended, models.GrantRevoking, models.GrantRevoked, models.GrantExpired,
	}
	actorKinds = []models.ActorKind{models.ActorCustomer, models.ActorPartner, models.ActorOperator, models.ActorSystem}
)

func TestCreationIsThePartnersAndTheCustomersAlone(t *testing.T) {
	t.Parallel()
	for _, by := range actorKinds {
		if got, want := checkRequestMove("", models.RequestPending, by) == nil, by == models.ActorPartner; got != want {
			t.Errorf("%s may ask: %v, want %v", by, got, want)
		}
		_, err := checkGrantMove("", models.GrantActive, by)
		if got, want := err == nil, by == models.ActorCustomer; got != want {
			t.Errorf("%s may grant: %v, want %v", by, got, want)
		}
	}
}

func TestEveryTransitionOfARequest(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for _, from := range requestStates {
			for _, to := range requestStates {
				for _, by := range actorKinds {
					tryRequest(t, w, from, to, by)
				}
			}
		}
	})
}

// tryRequest puts a request into a state and tries one transition.
func tryRequest(t *testing.T, w *world, from, to models.RequestState, by models.ActorKind) {
	t.Helper()
	request := models.ConsentRequest{
		ID: models.RequestID(uuid.NewString()), PartnerID: w.ask.Partner, TenantRef: string(w.ask.Tenant), TenantID: &w.ask.Tenant,
		State: from, Purpose: "x", Scopes: GrantScopeDevicesRegister,
		GrantUntil: start.Add(time.Hour), ExpiresAt: start.Add(time.Hour), CreatedAt: start,
	}
	if from != models.RequestPending {
		request.DecidedAt = &start
	}
	if from == models.RequestGranted {
		request.GrantID = ptr(models.GrantID(uuid.NewString()))
	}
	w.create(t, &request)
	want := request
	if want.State = to; to == models.RequestGranted {
		want.GrantID = ptr(models.GrantID(uuid.NewString()))
	}
	legal := legalRequests[[3]string{string(from), string(to), string(by)}]
	err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := moveRequest(within(ctx, tx), from, want, cause{actor: Actor{Kind: by, ID: "x"}, at: start})
		return err
	})
	var stored models.ConsentRequest
	if err := w.d.Read().WithContext(t.Context()).Where("id = ?", request.ID).Take(&stored).Error; err != nil {
		t.Fatal(err)
	}
	w.judge(t, attempt{string(request.ID), string(from), string(to), string(by), string(stored.State), legal, err})
}

func TestEveryTransitionOfAGrant(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		for _, from := range grantStates {
			for _, to := range grantStates {
				for _, by := range actorKinds {
					tryGrant(t, w, from, to, by)
				}
			}
		}
	})
}

// tryGrant puts a grant into a state, tries one transition, and looks at epoch,
// fence and the record of its end.
func tryGrant(t *testing.T, w *world, from, to models.GrantState, by models.ActorKind) {
	t.Helper()
	tenant := w.addTenant(t, "tenant")
	grant := models.Grant{
		ID: models.GrantID(uuid.NewString()), PartnerID: w.ask.Partner, TenantID: tenant.TenantID, State: from, Epoch: 3,
		Scopes: GrantScopeDevicesRegister, ExpiresAt: start.Add(time.Hour), CreatedAt: start,
	}
	if ends(from) {
		grant.EndedAt, grant.EndedBy, grant.EndReason = &start, ptr(models.ActorOperator), ptr("earlier")
	}
	w.create(t, &grant)
	legal := legalGrants[[3]string{string(from), string(to), string(by)}]
	err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := moveGrant(within(ctx, tx), grant, to, cause{actor: Actor{Kind: by, ID: "x"}, reason: "why", at: start.Add(time.Minute)}, 0)
		return err
	})
	after := w.readGrant(t, grant.ID)
	tried := attempt{string(grant.ID), string(from), string(to), string(by), string(after.State), legal, err}
	w.judge(t, tried)
	if !legal {
		if after.Epoch != 3 {
			t.Errorf("%s: refused, yet the epoch is %d", tried, after.Epoch)
		}
		return
	}
	wantEpoch := int64(4)
	if to == models.GrantRevoked {
		wantEpoch = 3
	}
	if after.Epoch != wantEpoch {
		t.Errorf("%s: epoch %d, want %d", tried, after.Epoch, wantEpoch)
	}
	fence, err := w.rows(t.Context()).fenceOf(models.SubjectOfGrant, string(grant.ID))
	if raised := wantEpoch == 4; raised != (err == nil && fence.MinEpoch == 4 && fence.AckedAt == nil) {
		t.Errorf("%s: fence %+v, %v", tried, fence, err)
	}
	if ends(to) && from != models.GrantRevoking && (after.EndedBy == nil || *after.EndedBy != by || *after.EndReason != "why") {
		t.Errorf("%s: ended by %v because %v", tried, after.EndedBy, after.EndReason)
	}
	if from == models.GrantRevoking && *after.EndReason != "earlier" {
		t.Errorf("%s: who ended it was overwritten", tried)
	}
}

// attempt is one transition tried, and what came of it.
type attempt struct {
	id, from, to, by, stored string
	legal                    bool
	err                      error
}

func (a attempt) String() string { return a.from + " → " + a.to + " by " + a.by }

// judge compares outcome, stored state and history of one attempt.
func (w *world) judge(t *testing.T, a attempt) {
	t.Helper()
	events, err := w.rows(t.Context()).events(a.id)
	if err != nil {
		t.Fatal(err)
	}
	if a.legal {
		if a.err != nil || a.stored != a.to || len(events) != 1 || events[0].FromState != a.from || events[0].ToState != a.to {
			t.Errorf("%s: error %v, state %s, history %+v", a, a.err, a.stored, events)
		}
		return
	}
	if kind := errs.KindOf(a.err); a.err == nil || kind != errs.Conflict && kind != errs.Forbidden {
		t.Errorf("%s: got error %v, want a refusal", a, a.err)
	}
	if a.stored != a.from || len(events) != 0 {
		t.Errorf("%s: refused, yet the state is %s and the history %+v", a, a.stored, events)
	}
}

// A stale reader loses against the database, whatever it believed.
func TestTransitionsAreCompareAndSet(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant := w.granted(t, 0)
		if _, err := w.Suspend(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		err := w.d.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := moveGrant(within(ctx, tx), grant, models.GrantRevoking, cause{actor: w.byCust, at: start}, 0)
			return err
		})
		wantErr(t, err, ErrWrongState)
		if got := w.readGrant(t, grant.ID); got.State != models.GrantSuspended || got.Epoch != 2 {
			t.Fatalf("grant is %s at epoch %d", got.State, got.Epoch)
		}
	})
}
