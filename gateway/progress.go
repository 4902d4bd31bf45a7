package gateway

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/gateway/wire"
	"countersign/models"
)

// Bounds of the streams that tell how uploads go on.
const (
	lookEvery        = time.Second
	beatAfter        = 15 // looks without news, after which a comment shows that the stream lives
	lastLook         = 600
	streamsOfClient  = 20
	streamsInAll     = 500
	streamRetryAfter = 10 * time.Second
	streamWrite      = 10 * time.Second // for a reader that does not read
)

// pollEvery is what those who ask again and again are told to wait.
const pollEvery = "2"

// streams counts the open streams of each client.
type streams struct {
	mu  sync.Mutex
	of  map[models.ClientID]int
	all int
}

// enter opens one more stream, or refuses; leave closes it.
func (s *streams) enter(client models.ClientID) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[client] >= streamsOfClient || s.all >= streamsInAll {
		return nil, errTooManyStreams.WithRetryAfter(streamRetryAfter)
	}
	if s.of == nil {
		s.of = map[models.ClientID]int{}
	}
	s.of[client]++
	s.all++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.of[client]--; s.of[client] == 0 {
			delete(s.of, client)
		}
	}, nil
}

// watchUpload tells how an upload goes on, as server-sent events (WHATWG HTML section 9.2):
// "progress" with the upload whenever it has changed, "end" with it as it ended. Each event is
// the whole state, so that a reader that comes again has missed nothing. The stream ends
// after ten minutes, with the caller's token, and when the server stops.
//
//	@Summary	Watch an upload
//	@Tags		uploads
//	@Produce	text/event-stream
//	@Param		tracking	path	string	true	"tracking id"
//	@Param		tenant		query	string	false	"tenant id; for partners and operators"
//	@Param		partner		query	string	false	"partner id; for customers and operators"
//	@Success	200	{string}	string	"events progress and end, each with an upload as /v1/uploads/{tracking} shows it"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.read]
//	@Router		/v1/uploads/{tracking}/events [get]
func (s *server) watchUpload(c *gin.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	p := query(c)
	p.only("tenant", "partner")
	scope, err := uploadScope(c, p)
	if err != nil {
		return err
	}
	shown, err := presented(c.Request)
	if err != nil {
		return err
	}
	look := func() (wire.Upload, error) {
		up, _, err := s.Uploads.BatchJobStatus(c.Request.Context(), scope, tracking)
		return wireUpload(up), err
	}
	up, err := look()
	if err != nil {
		return err
	}
	leave, err := s.streams.enter(caller(c).ClientID)
	if err != nil {
		return err
	}
	defer leave()
	s.tellProgress(c, shown.Token, up, look)
	return nil
}

func (s *server) tellProgress(c *gin.Context, token string, up wire.Upload, look func() (wire.Upload, error)) {
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no") // nginx would keep events until its buffer is full
	out := &events{c: c, conn: http.NewResponseController(c.Writer)}
	out.write("retry: 2000\n\n")
	ticks, stop := s.Tick(lookEvery)
	defer stop()
	for quiet, looks := 0, 0; out.tell(up) && looks < lastLook; looks++ {
		select {
		case <-c.Request.Context().Done():
			return
		case <-ticks:
		}
		if s.Stopping() {
			return
		}
		if quiet++; quiet%beatAfter == 0 {
			out.write(": still there\n\n")
			if err := s.Verifier.Recheck(c.Request.Context(), token); err != nil {
				return
			}
		}
		next, err := look()
		if err != nil {
			return // a reader that comes again is told why
		}
		if next.State != up.State || next.Rows != up.Rows {
			quiet = 0
		}
		up = next
	}
}

// events writes an event stream.
type events struct {
	c    *gin.Context
	conn *http.ResponseController
	last string
	n    int
	err  error // sticky
}

// tell writes an upload unless nothing has changed; false when there is no more to tell.
func (e *events) tell(up wire.Upload) (more bool) {
	kind := "progress"
	if ended := models.UploadState(up.State); ended == models.UploadFinished || ended == models.UploadFinishedWithErrors {
		kind = "end"
	}
	if text := string(marshal(up)); text != e.last {
		e.last = text
		e.n++
		e.write(fmt.Sprintf("event: %s\nid: %d\ndata: %s\n\n", kind, e.n, text))
	}
	return kind != "end" && e.err == nil
}

func (e *events) write(text string) {
	if e.err != nil {
		return
	}
	_ = e.conn.SetWriteDeadline(time.Now().Add(streamWrite)) // not every test transport has one
	if _, e.err = io.WriteString(e.c.Writer, text); e.err == nil {
		e.c.Writer.Flush()
	}
}

// tellWhenToAsk says after which time it is worth asking about an upload again.
func tellWhenToAsk(c *gin.Context, up intake.UploadStatus) {
	if up.State != models.UploadFinished && up.State != models.UploadFinishedWithErrors {
		c.Writer.Header().Set("Retry-After", pollEvery)
	}
}
