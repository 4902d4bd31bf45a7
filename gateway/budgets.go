package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/authz"
	"countersign/gateway/ratelimit"
	"countersign/gateway/wire"
	"countersign/models"
)

const budgetsPath = "/v1/partners/me/budgets"

// myBudgets tells a partner where its budgets stand and what spends them.
//
//	@Summary	Show the caller's budgets
//	@Tags		uploads
//	@Param		tenant	query	string	false	"also the part of the device budget that one customer may use up"
//	@Success	200	{object}	wire.Budgets
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/partners/me/budgets [get]
func (s *server) myBudgets(c *gin.Context) error {
	p := query(c)
	p.only("tenant")
	tenant := models.TenantID(p.guid("tenant"))
	if p.err != nil {
		return p.err
	}
	stand, err := s.Throttle.Standing(c.Request.Context(), caller(c), tenant)
	if err != nil {
		return errUnavailable.WithCause(err)
	}
	return answer(c, http.StatusOK, wireBudgets(stand, s.Now()))
}

// prices are what calls cost, by the budget that pays.
func prices() []wire.Price {
	upload := []ratelimit.Name{ratelimit.Devices, ratelimit.TenantDevices}
	out := []wire.Price{{Call: "every call", Budget: string(ratelimit.Requests), Cost: 1, Per: "call"}}
	for _, budget := range upload {
		out = append(out, wire.Price{Call: "an upload or a build report", Budget: string(budget), Cost: 1, Per: "row"})
	}
	return out
}

func wireBudgets(d ratelimit.Decision, now time.Time) wire.Budgets {
	out := wire.Budgets{Items: make([]wire.Budget, len(d.States)), Prices: prices()}
	for i, s := range d.States {
		next := now
		if s.Remaining == 0 {
			next = now.Add(s.Next)
		}
		out.Items[i] = wire.Budget{
			Name: string(s.Limit), Unit: s.Limit.Unit(), Limit: s.Rate.Count, PeriodSeconds: int64(s.Rate.Period / time.Second),
			Remaining: s.Remaining, NextAt: next.UTC(), FullAt: now.Add(s.Reset).UTC(),
		}
	}
	return out
}

// tellBudgets writes where the budgets of a sender of devices stand after its call. That
// they cannot be read is no reason to refuse what was accepted.
func (s *server) tellBudgets(c *gin.Context, who authz.Principal, tenant models.TenantID) {
	if stand, err := s.Throttle.Standing(c.Request.Context(), who, tenant); err == nil {
		stand.Headers(s.Now(), c.Writer.Header().Set)
	}
}
