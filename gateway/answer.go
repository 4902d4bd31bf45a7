package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"
)

// answer writes a successful body. What is read on our own surface gets a strong ETag
// over its bytes, and no body when the caller has these bytes (RFC 9110 section 13.1.2).
func answer(c *gin.Context, status int, v any) error {
	text := marshal(v)
	if status == http.StatusOK && c.Request.Method == http.MethodGet && !onPartnerCenter(c.Request.URL.Path) {
		tag := tagOf(text)
		c.Writer.Header().Set("ETag", tag)
		if matches(c.Request.Header.Values("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			return nil
		}
	}
	writeBody(c, status, "application/json; charset=utf-8", text)
	return nil
}

// tagOf is a strong entity tag: equal exactly when the bytes are.
func tagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
}
