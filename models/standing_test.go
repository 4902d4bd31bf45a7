package models_test

import (
	"testing"
	"time"

	"countersign/models"
)

func TestClientStanding_MayAct(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	later, justNow := now.Add(time.Second), now
	tests := []struct {
		name     string
		standing models.ClientStanding
		want     bool
	}{
		{"active", models.ClientStanding{Client: models.OAuthClient{State: models.ClientActive}}, true},
		{"active with an expiry ahead", models.ClientStanding{Client: models.OAuthClient{State: models.ClientActive, ExpiresAt: &later}}, true},
		{"expired at this instant", models.ClientStanding{Client: models.OAuthClient{State: models.ClientActive, ExpiresAt: &justNow}}, false},
		{"frozen", models.ClientStanding{Client: models.OAuthClient{State: models.ClientFrozen}}, false},
		{"owner suspended", models.ClientStanding{Client: models.OAuthClient{State: models.ClientActive}, OwnerSuspended: true}, false},
		{"no state at all", models.ClientStanding{}, false},
	}
	for _, tt := range tests {
		if got := tt.standing.MayAct(now); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
