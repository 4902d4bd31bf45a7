package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"
)

// openAPI serves the description of this API.
//
//	@Summary	This description, as OpenAPI 3
//	@Tags		documents
//	@Success	200	{object}	object
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Router		/openapi.json [get]
func (s *server) openAPI(c *gin.Context) error {
	return document(c, "application/json; charset=utf-8", s.OpenAPI)
}

// swagger serves the same for programs that read the older form alone.
//
//	@Summary	This description, as Swagger 2
//	@Tags		documents
//	@Success	200	{object}	object
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Router		/swagger.json [get]
func (s *server) swagger(c *gin.Context) error {
	return document(c, "application/json; charset=utf-8", s.Swagger)
}

// document writes something public that changes rarely.
func document(c *gin.Context, contentType string, text []byte) error {
	h := c.Writer.Header()
	h.Set("Cache-Control", "public, max-age=300")
	return tagged(c, contentType, contentTag(text), text)
}

// tagged writes a public document, or says that the caller has it already.
func tagged(c *gin.Context, contentType, tag string, text []byte) error {
	c.Writer.Header().Set("ETag", tag)
	if matches(c.Request.Header.Values("If-None-Match"), tag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	c.Data(http.StatusOK, contentType, text)
	return nil
}

// contentTag changes with every byte.
func contentTag(text []byte) string {
	sum := sha256.Sum256(text)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
