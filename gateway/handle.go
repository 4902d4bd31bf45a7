package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"

	"countersign/internal/errs"
)

// serve turns a line of the table into a gin handler: who is calling, may they, then
// the handler; an error or a panic becomes a refusal.
func (s *server) serve(r route) gin.HandlerFunc {
	return func(c *gin.Context) {
		x := exchangeOf(c.Request.Context())
		x.route = r.path
		err := s.guarded(c, x, r)
		switch {
		case err == nil:
			c.Writer.WriteHeaderNow()
		case c.Writer.Written():
			// The answer is on its way. Ending it properly would make half a list look whole.
			x.refusal = errs.From(err)
			panic(http.ErrAbortHandler)
		default:
			s.refuse(c, x, r, err)
		}
	}
}

// guarded runs the checks and the handler, and catches a panic with its stack.
func (s *server) guarded(c *gin.Context, x *exchange, r route) (err error) {
	defer func() {
		switch cause := recover(); {
		case cause == nil:
		case errors.Is(asError(cause), http.ErrAbortHandler):
			panic(cause)
		default:
			s.Logger.ErrorContext(c.Request.Context(), "panic", "route", r.path, "request_id", x.requestID, "cv", x.vector,
				"value", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = errs.From(fmt.Errorf("panic: %v", cause))
		}
	}()
	if x.pathErr != nil {
		return x.pathErr
	}
	if err := s.admit(c, x, r); err != nil {
		return err
	}
	return r.handler(c)
}

func asError(cause any) error {
	err, _ := cause.(error)
	return err
}

// clientGone reports that the caller hung up, which is nobody's failure.
func clientGone(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

func (s *server) noRoute(*gin.Context) error { return errNoRoute }

func (s *server) noMethod(*gin.Context) error { return errMethod }
