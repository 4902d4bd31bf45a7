package e2e

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"countersign/gateway/client"
	"countersign/internal/db"
)

// After revoke answered 200, the next upload and everything still queued is
// refused, on both databases.
func TestRevoke_withWorkInTheQueue(t *testing.T) {
	t.Parallel()
	for _, d := range []db.Dialect{db.Postgres, db.SQLite} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, d, "COUNTERSIGN_WORKERS=1")
			r := s.start()
			p := newPeople(t, s)
			grant := p.agree(r, p.tenant, p.customer)
			reseller, customer := p.as(r, p.reseller), p.as(r, p.customer)
			first := p.delivery(p.tenant, 10)
			p.outcome(reseller, p.tenant, p.send(reseller, first).TrackingID, 30*time.Second)
			queued := p.send(reseller, p.delivery(p.tenant, 2000))

			ended, err := customer.ChangeConsent(t.Context(), grant, client.Revoke, "contract over")
			if err != nil || ended.State != "revoked" {
				t.Fatalf("revoke: %+v, %v", ended, err)
			}
			_, err = reseller.Submit(t.Context(), p.delivery(p.tenant, 1).Submission)
			refusedWithoutConsent(t, err)
			replay, err := reseller.Submit(t.Context(), first.Submission)
			if err != nil || !replay.Replayed {
				t.Errorf("the repeat of an accepted call after the revoke: %+v, %v", replay, err)
			}

			status := p.outcome(reseller, p.tenant, queued.TrackingID, 60*time.Second)
			var refused int
			for _, row := range status.DevicesStatus {
				switch codeOf(row) {
				case "":
				case "9001":
					refused++
				default:
					t.Fatalf("row %d ended with %s", row.Row, codeOf(row))
				}
			}
			if refused == 0 {
				t.Error("nothing of the queue was refused")
			}
		})
	}
}

func refusedWithoutConsent(t *testing.T, err error) {
	t.Helper()
	var api *client.APIError
	if !errors.As(err, &api) || api.Status != http.StatusForbidden || api.Code != "20002" || api.NextActor != "customer" {
		t.Errorf("the next upload: %v, want 403 code 20002", err)
	}
}
