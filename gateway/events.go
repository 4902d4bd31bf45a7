package gateway

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"countersign/gateway/wire"
	"countersign/internal/ledger"
	"countersign/models"
)

// longestWait bounds how long a call for events is held open.
const longestWait = 30 * time.Second

// listEvents tells the caller what happened, in its own numbering, which begins at 1 and
// has no holes: who has seen number n has seen everything up to n. With wait the answer
// is held back until there is something, or the time is over.
//
//	@Summary	What happened, from a number on
//	@Tags		events
//	@Param		after	query	int	false	"number of the last event that is known; next of the answer before; 0 starts"
//	@Param		limit	query	int	false	"events an answer, 100 unless told, 1000 at most"
//	@Param		wait	query	int	false	"seconds to wait for an event when there is none, 30 at most"
//	@Success	200	{object}	wire.Feed
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403	{object}	wire.Problem
//	@Security	oauth2[events.read]
//	@Router		/v1/events [get]
func (s *server) listEvents(c *gin.Context) error {
	p := query(c)
	p.only("after", "limit", "wait")
	after, wait := p.number("after"), min(time.Duration(p.number("wait"))*time.Second, longestWait)
	limit := p.size("limit")
	if p.err != nil {
		return p.err
	}
	chain := chainOf(c)
	if wait > 0 {
		ctx, cancel := context.WithTimeout(c.Request.Context(), wait)
		err := s.Feed.Await(ctx, chain, after)
		cancel()
		if err != nil {
			return err
		}
	}
	found, err := s.Feed.Page(c.Request.Context(), chain, after, limit)
	if err != nil {
		return err
	}
	out, err := wireFeed(found, after)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, out)
}

// chainOf names the chain of the caller.
func chainOf(c *gin.Context) string {
	p := caller(c)
	switch p.Kind {
	case models.OwnerPartner:
		return ledger.ChainOfPartner(p.PartnerID)
	case models.OwnerTenant:
		return ledger.ChainOfTenant(p.TenantID)
	}
	return ledger.Everything
}

func wireFeed(found []ledger.Item, after int64) (wire.Feed, error) {
	out := wire.Feed{Items: make([]wire.FeedItem, len(found)), Next: after}
	for i, item := range found {
		out.Items[i] = wire.FeedItem{Seq: item.Seq, Hash: hex.EncodeToString(item.Hash), Checkpoint: item.Checkpoint}
		if err := json.Unmarshal(item.Line, &out.Items[i].Entry); err != nil {
			return out, fmt.Errorf("read the ledger: %w", err)
		}
		out.Next = item.Seq
	}
	return out, nil
}

// number takes a whole number from 0; absent is 0.
func (p *params) number(name string) int64 {
	text := p.text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		p.refuse(name, "it must be a whole number, 0 or more")
	}
	return n
}
