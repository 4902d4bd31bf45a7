package gateway

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
)

// foresee answers a call that prefers validate-only: what each row would become, in input
// order. The counts come last, when they are known.
func (s *server) foresee(c *gin.Context, call intake.Call, src deviceSource) error {
	leave, err := s.crowd.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	applied := "validate-only"
	if call.Strict {
		applied += ", handling=strict"
	}
	c.Writer.Header().Set("Preference-Applied", applied)
	out := newStream(c)
	began := false
	begin := func() {
		if !began {
			began = true
			c.Status(http.StatusOK)
			out.tokens(jsontext.BeginObject)
			out.member("validateOnly", true)
			out.tokens(jsontext.String("items"), jsontext.BeginArray)
		}
	}
	seen, err := s.Intake.Foresee(c.Request.Context(), call, src, func(row intake.RowStatus) error {
		begin()
		item := wireRow(row)
		item.SettledAt = nil // nothing was
		out.value(item)
		return out.err
	})
	if err != nil {
		c.Writer.Header().Del("Preference-Applied")
		return orFailure(src, err)
	}
	begin()
	out.tokens(jsontext.EndArray)
	out.member("rows", wire.ForecastCounts{Total: seen.Rows, WouldSucceed: seen.Rows - seen.WouldFail, WouldFail: seen.WouldFail})
	s.tellBudgets(c, caller(c), call.Tenant)
	return out.end()
}
