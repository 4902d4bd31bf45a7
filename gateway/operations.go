package gateway

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"countersign/gateway/forward"
	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

// listDispatches lists stopped work, oldest first.
//
//	@Summary	List stopped dispatches
//	@Tags		operations
//	@Param		state	query	string	true	"stopped"
//	@Param		cursor	query	string	false	"from the page before"
//	@Param		limit	query	int		false	"items a page, 100 unless told, 1000 at most"
//	@Success	200	{object}	wire.Page[wire.Dispatch]
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[operations.read]
//	@Router		/v1/dispatches [get]
func (s *server) listDispatches(c *gin.Context) error {
	p := query(c)
	page := p.ownPage()
	if p.oneOf("state", string(models.DispatchStopped)) == "" {
		p.refuse("state", "it must be stopped; other dispatches are not listed")
	}
	if p.err != nil {
		return p.err
	}
	after, err := dispatchCursor(page.Cursor)
	if err != nil {
		return err
	}
	found, err := s.Dispatches.Stopped(c.Request.Context(), after, page.Limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(found) > page.Limit {
		found = found[:page.Limit]
		next = strconv.FormatInt(found[page.Limit-1].ID, 10)
	}
	items := make([]wire.Dispatch, len(found))
	for i, d := range found {
		items[i] = wireDispatch(d)
	}
	return answerPage(c, items, next)
}

func dispatchCursor(cursor string) (int64, error) {
	if cursor == "" {
		return 0, nil
	}
	after, err := strconv.ParseInt(cursor, 10, 64)
	if err != nil || after < 0 {
		return 0, intake.ErrCursor
	}
	return after, nil
}

func wireDispatch(d models.Dispatch) wire.Dispatch {
	return wire.Dispatch{
		ID: d.ID, State: string(d.State), Kind: string(d.Kind), PartnerID: string(d.PartnerID), TenantID: string(d.TenantID),
		FirstRow: d.FirstOrdinal, LastRow: d.LastOrdinal, Attempts: d.Attempt, LastError: d.LastError, CreatedAt: d.CreatedAt.UTC(),
	}
}

// restartDispatch puts a stopped dispatch back to work.
//
//	@Summary	Restart a stopped dispatch
//	@Tags		operations
//	@Param		id	path	int	true	"dispatch id"
//	@Success	204	"it will be claimed again"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[operations.write]
//	@Router		/v1/dispatches/{id}/restart [post]
func (s *server) restartDispatch(c *gin.Context) error {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil {
		return forward.ErrNoDispatch
	}
	if err := s.Dispatches.Restart(c.Request.Context(), id); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}

// healthz says that the process lives.
//
//	@Summary	Liveness
//	@Tags		operations
//	@Success	200	{object}	wire.Health
//	@Router		/healthz [get]
func (s *server) healthz(c *gin.Context) error {
	return answer(c, http.StatusOK, wire.Health{Status: "ok"})
}

// readyz says whether this replica should get calls. Why not is for the log: the answer
// is public.
//
//	@Summary	Readiness
//	@Tags		operations
//	@Success	200	{object}	wire.Health
//	@Failure	503	{object}	wire.Problem
//	@Router		/readyz [get]
func (s *server) readyz(c *gin.Context) error {
	if err := s.Ready(c.Request.Context()); err != nil {
		return errUnavailable.WithDetail("This replica is not ready for calls.").WithCause(err)
	}
	return answer(c, http.StatusOK, wire.Health{Status: "ready"})
}
