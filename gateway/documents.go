package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"

	"github.com/gin-gonic/gin"

	"countersign/gateway/apidocs"
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

// docsHome shows the API to people.
//
//	@Summary	The API as pages
//	@Tags		documents
//	@Produce	html
//	@Success	200	{string}	string
//	@Router		/docs [get]
func (s *server) docsHome(c *gin.Context) error { return page(c, apidocs.Home()) }

// docsErrors is where every error body links to.
//
//	@Summary	What each error and outcome means
//	@Tags		documents
//	@Produce	html
//	@Success	200	{string}	string
//	@Router		/docs/errors [get]
func (s *server) docsErrors(c *gin.Context) error { return page(c, apidocs.Errors()) }

// docsAsset serves a file of the pages. Its name changes with its bytes.
//
//	@Summary	A file of the pages
//	@Tags		documents
//	@Produce	plain
//	@Param		file	path	string	true	"name as the pages write it"
//	@Success	200	{string}	string
//	@Failure	404	{object}	wire.Problem
//	@Router		/docs/assets/{file} [get]
func (s *server) docsAsset(c *gin.Context) error {
	asset, ok := apidocs.FindAsset(c.Param("file"))
	if !ok {
		return errNoRoute
	}
	c.Writer.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	return tagged(c, asset.ContentType, asset.ETag, asset.Body)
}

// page writes a page under its own policy; all other answers let a browser do nothing.
func page(c *gin.Context, p apidocs.Page) error {
	c.Writer.Header().Set("Content-Security-Policy", p.Policy)
	return document(c, "text/html; charset=utf-8", p.HTML)
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
