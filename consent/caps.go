package consent

import (
	"context"
	"fmt"
	"time"

	"countersign/models"
)

// Caps bound how much a partner may ask, so that nobody is worn down by questions.
// They count what the partner wrote, never whom it reached: a tenant that does not
// exist fills them like one that does.
type Caps struct {
	OpenPerTenant int // requests of one partner to one id or domain that nobody has answered; 0 means 5
	PerDay        int // requests of one partner in any 24 hours; 0 means 100
}

func (c Caps) withDefaults() Caps {
	if c.OpenPerTenant == 0 {
		c.OpenPerTenant = 5
	}
	if c.PerDay == 0 {
		c.PerDay = 100
	}
	return c
}

const day = 24 * time.Hour

// admit refuses one request more than the caps allow. The refusal says when the next
// one will be taken. Requests of one partner wait here for each other.
func (c Caps) admit(r rows, request models.ConsentRequest, now time.Time) error {
	if err := r.queue(request.PartnerID, now); err != nil {
		return fmt.Errorf("take the partner's turn: %w", err)
	}
	asked, err := r.askedSince(request.PartnerID, now.Add(-day), c.PerDay)
	if err != nil {
		return fmt.Errorf("count the requests of a day: %w", err)
	}
	if len(asked) == c.PerDay {
		return ErrAskedEnough.WithRetryAfter(asked[c.PerDay-1].Add(day).Sub(now)).WithDetail(
			"You may ask %d times in 24 hours. Ask again later.", c.PerDay)
	}
	open, err := r.openUntil(request.PartnerID, request.TenantRef, now, c.OpenPerTenant)
	if err != nil {
		return fmt.Errorf("count the open requests: %w", err)
	}
	if len(open) == c.OpenPerTenant {
		return ErrOpenEnough.WithRetryAfter(open[c.OpenPerTenant-1].Sub(now)).WithDetail(
			"%d requests to this customer wait for an answer, and no more are taken. Withdraw one, or remind the customer of it.", c.OpenPerTenant)
	}
	return nil
}

// Prober watches for partners that feel their way through tenants.
type Prober interface {
	// Asked notes a consent request of a partner and whether it named somebody. It
	// is called after the request was stored, for every one, so that it takes the
	// same time whoever is named.
	Asked(ctx context.Context, partner models.PartnerID, known bool)
}
