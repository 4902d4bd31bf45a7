package consent

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/ledger"
	"countersign/models"
)

// E3: a decision leaves a frozen record: who, in which role, proven how and when, for
// what, until when, in which words.
func TestDecisionIsFrozen(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		made, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonApprover)
		read := Wording("de", PromiseOf(made.ConsentRequest)).Digest()
		grant, err := w.Grant(t.Context(), admin, made.ID, Terms{
			Scopes: []string{GrantScopeDevicesRegister}, Limits: Limits{Devices: ptr(int64(7))}, Shown: Reading{Language: "de", Digest: read},
		})
		if err != nil {
			t.Fatal(err)
		}
		found, err := w.rows(t.Context()).decisions(string(grant.ID))
		if err != nil || len(found) != 1 {
			t.Fatalf("decisions %+v, %v", found, err)
		}
		got, p := found[0], admin.Person
		words := Wording("de", PromiseOfGrant(grant))
		for name, ok := range map[string]bool{
			"about": got.Decision == models.DecisionGranted && *got.RequestID == made.ID && *got.GrantID == grant.ID &&
				got.PartnerID == w.byFirm.PartnerID && got.TenantID == w.byCust.TenantID,
			"terms": got.Scopes == GrantScopeDevicesRegister && *got.DeviceLimit == 7 && got.ExpiresAt.Equal(grant.ExpiresAt),
			"words": got.Language == "de" && got.Wording == words.Text() && got.WordingDigest == words.Digest() &&
				got.WordingVersion == words.Version && got.ShownDigest == read && strings.Contains(got.Wording, "Höchstens 7 Geräte."),
			"person":  *got.PersonID == p.ID && got.ActorID == string(p.ID) && got.PersonName == p.Name && got.PersonRole == "approver",
			"sign-in": got.Issuer == p.Issuer && got.Subject == p.Subject && got.ACR == "mfa" && got.AMR == "pwd otp" && got.AuthTime.Equal(p.AuthTime),
			"when":    got.At.Equal(start) && got.HTTPRequest == "http-person",
		} {
			if !ok {
				t.Errorf("%s: %+v", name, got)
			}
		}
		entries := w.entries(t)
		if last := entries[len(entries)-1]; last.Kind != ledger.ConsentGranted || !strings.Contains(last.Body, `"de":"`+words.Digest()+`"`) {
			t.Errorf("the ledger says %+v", last)
		}
		if w.d.Write().Exec("UPDATE consent_decisions SET person_name = 'Eve'").Error == nil ||
			w.d.Write().Exec("DELETE FROM consent_decisions").Error == nil {
			t.Error("a decision can be changed")
		}
	})
}

// A no and a client's decision are recorded too.
func TestEveryDecisionIsRecorded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		no, yes := w.asked(t, nil), w.asked(t, nil)
		old := w.person(t, w.byCust.TenantID, models.PersonAdmin)
		old.Person.AuthTime = start.Add(-8 * time.Hour) // a no needs no fresh sign-in
		if _, err := w.Decline(t.Context(), old, no.ID, "not ours"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Grant(t.Context(), w.byCust, yes.ID, Terms{}); err != nil {
			t.Fatal(err)
		}
		declined, err := w.rows(t.Context()).decisions(string(no.ID))
		if err != nil || len(declined) != 1 || declined[0].Decision != models.DecisionDeclined || declined[0].GrantID != nil || *declined[0].PersonID != old.Person.ID {
			t.Errorf("the no: %+v, %v", declined, err)
		}
		granted, err := w.rows(t.Context()).decisions(string(yes.ID))
		if err != nil || len(granted) != 1 || granted[0].PersonID != nil || granted[0].ActorID != w.byCust.ID || granted[0].AuthTime != nil {
			t.Errorf("the client's yes: %+v, %v", granted, err)
		}
	})
}

// E1, R7, R8: a yes needs a person in a role, as its row says now, who signed in within
// ten minutes by the database's clock.
func TestWhoMaySayYes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request := w.asked(t, nil)
		stranger := w.person(t, w.addTenant(t, "Stranger").TenantID, models.PersonAdmin)
		for name, c := range map[string]struct {
			change func(a *Actor)
			want   error
		}{
			"signed in eleven minutes ago": {func(a *Actor) { a.Person.AuthTime = start.Add(-11 * time.Minute) }, ErrSignInAgain},
			"two hours ago":                {func(a *Actor) { a.Person.AuthTime = start.Add(-2 * time.Hour) }, ErrSignInAgain},
			"with too few factors":         {func(a *Actor) { a.Person.Stale = true }, ErrSignInAgain}, // R8
			"never said when":              {func(a *Actor) { a.Person.AuthTime = time.Time{} }, ErrSignInAgain},
			"in the future":                {func(a *Actor) { a.Person.AuthTime = start.Add(time.Minute) }, ErrSignInAgain},
			"no role":                      {func(a *Actor) { a.Person.Role = "" }, ErrNoRight},
			"a role of another kind":       {func(a *Actor) { a.Person.Role = "operator" }, ErrNoRight},
			"no subject":                   {func(a *Actor) { a.Person.Subject = "" }, ErrNoRight},
			"another issuer":               {func(a *Actor) { a.Person.Issuer = "https://evil.example" }, ErrNoRight},
			"another's id":                 {func(a *Actor) { a.ID = stranger.ID }, ErrNoRight},
			"somebody of another tenant": {func(a *Actor) {
				a.ID, a.Person = stranger.ID, stranger.Person
			}, ErrNoRight},
			"role taken away since": {func(a *Actor) {
				w.exec(t, "UPDATE people SET given_role = NULL WHERE id = ?", a.ID)
			}, ErrNoRight},
			"disabled since": {func(a *Actor) {
				w.exec(t, "UPDATE people SET state = 'disabled' WHERE id = ?", a.ID)
			}, ErrNoRight},
		} {
			actor := w.person(t, w.byCust.TenantID, models.PersonAdmin)
			c.change(&actor)
			if _, err := w.Grant(t.Context(), actor, request.ID, Terms{}); err == nil || err.Error() != c.want.Error() {
				t.Errorf("%s: %v", name, err)
			}
		}
		edge := w.person(t, w.byCust.TenantID, models.PersonApprover)
		edge.Person.AuthTime = start.Add(-10 * time.Minute)
		if _, err := w.Grant(t.Context(), edge, request.ID, Terms{}); err != nil {
			t.Errorf("ten minutes: %v", err)
		}
	})
}

// A client decides by the right in its row, never by what a token says, and in nobody
// else's name.
func TestClientDecidesByItsRow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant, request, ctx := w.granted(t, 0), w.asked(t, nil), t.Context()
		refused := func(why string) {
			t.Helper()
			_, errGrant := w.Grant(ctx, w.byCust, request.ID, Terms{})
			_, errDecline := w.Decline(ctx, w.byCust, request.ID, "")
			_, errSuspend := w.Suspend(ctx, w.byCust, grant.ID, "")
			_, errRevoke := w.Revoke(ctx, w.byCust, grant.ID, "")
			_, errBlock := w.Block(ctx, w.byCust, w.byFirm.PartnerID, Blocking{})
			errUnblock := w.Unblock(ctx, w.byCust, w.byFirm.PartnerID)
			for what, err := range map[string]error{
				"grant": errGrant, "decline": errDecline, "suspend": errSuspend, "revoke": errRevoke, "block": errBlock, "unblock": errUnblock,
			} {
				if err == nil || err.Error() != ErrNoRight.Error() {
					t.Errorf("%s, %s: %v", why, what, err)
				}
			}
		}
		for why, sql := range map[string]string{
			"right ended": "UPDATE oauth_clients SET scopes = 'consents.read' WHERE id = ?",
			"frozen":      "UPDATE oauth_clients SET state = 'frozen' WHERE id = ?",
			"expired":     "UPDATE oauth_clients SET expires_at = '2026-03-01 12:00:00+00:00' WHERE id = ?",
			"a partner's": "UPDATE oauth_clients SET owner_kind = 'partner', tenant_id = NULL, partner_id = (SELECT MIN(id) FROM partners) WHERE id = ?",
		} {
			w.exec(t, sql, w.byCust.ID)
			refused(why)
			w.exec(t, "UPDATE oauth_clients SET scopes = 'consents.decide', state = 'active', expires_at = NULL WHERE id = ?", w.byCust.ID)
			w.exec(t, "UPDATE oauth_clients SET owner_kind = 'tenant', partner_id = NULL, tenant_id = ? WHERE id = ?", w.byCust.TenantID, w.byCust.ID)
		}
		if _, err := w.Suspend(ctx, w.byCust, grant.ID, ""); err != nil {
			t.Errorf("with its right again: %v", err)
		}
	})
}

// E13 and the domain's rule: no operator and no partner gives consent, in whoever's name.
func TestOperatorsNeverGrant(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		for _, kind := range []models.ActorKind{models.ActorOperator, models.ActorPartner, models.ActorSystem} {
			posing := admin
			posing.Kind = kind
			posing.PartnerID = w.byFirm.PartnerID
			_, err := w.Grant(t.Context(), posing, request.ID, Terms{})
			wantErr(t, err, ErrNotYours)
			_, err = w.Decline(t.Context(), posing, request.ID, "")
			wantErr(t, err, ErrNotYours)
		}
	})
}

// E2: who was a good partner when it asked must still be one at the decision.
func TestPartnerMustBeActiveAtTheDecision(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		w.exec(t, "UPDATE partners SET state = 'suspended' WHERE id = ?", w.byFirm.PartnerID)
		_, err := w.Grant(t.Context(), admin, request.ID, Terms{})
		wantErr(t, err, ErrPartnerSuspended)
		decisions, err := w.rows(t.Context()).decisions(string(request.ID))
		if err != nil || len(decisions) != 0 {
			t.Fatalf("recorded %+v, %v", decisions, err)
		}
	})
}

// E4, E5: a person's yes never goes beyond the question and always ends.
func TestYesStaysInsideTheQuestion(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		_, err := w.Grant(t.Context(), admin, request.ID, Terms{Scopes: []string{GrantScopeDevicesRead}})
		wantFault(t, err, "scopes")
		_, err = w.Grant(t.Context(), admin, request.ID, Terms{ExpiresAt: ptr(request.GrantUntil.Add(time.Second))})
		wantFault(t, err, "expiresAt")
		grant, err := w.Grant(t.Context(), admin, request.ID, Terms{})
		if err != nil || !grant.ExpiresAt.Equal(request.GrantUntil) {
			t.Fatalf("grant %+v, %v", grant, err)
		}
	})
}

// A yes is to the words on the page: if they are others by then, it is not taken.
func TestYesIsToTheWordsThatWereShown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		request, admin := w.asked(t, nil), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		english := Wording("en", PromiseOf(request.ConsentRequest)).Digest()
		for _, shown := range []Reading{{Language: "de", Digest: english}, {Language: "en", Digest: strings.Repeat("0", 64)}} {
			_, err := w.Grant(t.Context(), admin, request.ID, Terms{Shown: shown})
			wantErr(t, err, ErrWordsChanged)
		}
		if _, err := w.Grant(t.Context(), admin, request.ID, Terms{Shown: Reading{Language: "en", Digest: english}}); err != nil {
			t.Fatal(err)
		}
	})
}

// A change, a renewal and a gift are over the words on the page too: a permission that
// was changed in between stays as it is.
func TestChangesAreOverTheWordsThatWereShown(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, w *world) {
		grant, ada := w.granted(t, 500), w.person(t, w.byCust.TenantID, models.PersonAdmin)
		seen := Reading{Language: "en", Seen: Wording("en", PromiseOfGrant(grant)).Digest()}
		later := grant.ExpiresAt.Add(24 * time.Hour)
		w.amended(t, grant.ID, Amendment{Limits: Limits{Devices: ptr(int64(100))}})
		_, err := w.Amend(t.Context(), ada, grant.ID, Amendment{Limits: Limits{Devices: ptr(int64(501))}, Shown: seen})
		wantErr(t, err, ErrWordsChanged)
		_, err = w.Amend(t.Context(), ada, grant.ID, Amendment{Limits: Limits{Devices: ptr(int64(50))}, Shown: seen})
		wantErr(t, err, ErrWordsChanged)
		_, err = w.Renew(t.Context(), ada, grant.ID, &later, seen)
		wantErr(t, err, ErrWordsChanged)
		now := w.readGrant(t, grant.ID)
		if now.Version != 2 || *now.DeviceLimit != 100 {
			t.Fatalf("a refusal left %+v", now)
		}
		seen.Seen = Wording("en", PromiseOfGrant(now)).Digest()
		if _, err := w.Renew(t.Context(), ada, grant.ID, &later, seen); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Revoke(t.Context(), w.byCust, grant.ID, ""); err != nil {
			t.Fatal(err)
		}
		gift := Gift{Partner: grant.PartnerID, Scopes: []string{GrantScopeDevicesRegister}, Shown: Reading{Language: "de", Seen: Wording("en", Offer(nil)).Digest()}}
		_, err = w.Give(t.Context(), ada, gift)
		wantErr(t, err, ErrWordsChanged)
		gift.Shown.Language = "en"
		if _, err := w.Give(t.Context(), ada, gift); err != nil {
			t.Fatal(err)
		}
	})
}
