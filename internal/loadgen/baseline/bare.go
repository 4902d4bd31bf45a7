package baseline

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// ServeBare serves gin with a handler that reads a body to its end, takes its digest and
// says that it is accepted, until ctx ends. check is asked about each call before, unless
// it is nil.
func ServeBare(ctx context.Context, l net.Listener, check func(*http.Request) error) error {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.POST("/*any", func(c *gin.Context) {
		if check != nil && check(c.Request) != nil {
			c.Status(http.StatusUnauthorized)
			return
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, c.Request.Body); err != nil {
			c.Status(http.StatusBadRequest)
			return
		}
		c.Header("Location", "/customers/1/batchJobStatus/2")
		c.Status(http.StatusAccepted)
	})
	srv := &http.Server{Handler: r, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = srv.Close() }()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
