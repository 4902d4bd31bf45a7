package gateway

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/files"
	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/gateway/wire"
	"countersign/models"
)

// The tus protocol, version 1.0.0 (https://tus.io/protocols/resumable-upload), with the
// extensions creation, expiration and termination. A file is created by the very call that
// would upload it, without its body and with Tus-Resumable.
const (
	tusVersion    = "1.0.0"
	tusExtensions = "creation,expiration,termination"
	tusPieces     = "application/offset+octet-stream"

	headerTus       = "Tus-Resumable"
	headerTusLength = "Upload-Length"
	headerTusOffset = "Upload-Offset"

	filesPath = "/v1/files"
)

// resumable reports whether a call begins a file that arrives in parts.
func resumable(c *gin.Context) bool { return c.GetHeader(headerTus) != "" }

// tus checks the version and names ours.
func tus(c *gin.Context) error {
	h := c.Writer.Header()
	h.Set(headerTus, tusVersion)
	if c.GetHeader(headerTus) != tusVersion {
		h.Set("Tus-Version", tusVersion)
		return errTusVersion
	}
	return nil
}

// tusOptions says what of the protocol is spoken.
//
//	@Summary	What resumable uploads may do
//	@Tags		uploads
//	@Success	204	"Tus-Version, Tus-Extension and Tus-Max-Size say it"
//	@Router		/v1/files [options]
func (s *server) tusOptions(c *gin.Context) error {
	h := c.Writer.Header()
	h.Set(headerTus, tusVersion)
	h.Set("Tus-Version", tusVersion)
	h.Set("Tus-Extension", tusExtensions)
	h.Set("Tus-Max-Size", strconv.FormatInt(min(files.MaxLength, s.Limits.Body), 10))
	c.Status(http.StatusNoContent)
	return nil
}

// createFile answers a call that brings its devices later, in parts. What can be refused
// without them is refused now.
func (s *server) createFile(c *gin.Context, call intake.Call) error {
	if err := tus(c); err != nil {
		return err
	}
	length, err := strconv.ParseInt(c.GetHeader(headerTusLength), 10, 64)
	switch {
	case err != nil:
		return badParameter(headerTusLength, "the file's length in bytes must be known from the beginning")
	case length > s.Limits.Body:
		return errBodyTooLarge.WithDetail("The file would have %d bytes; at most %d are taken. Split it.", length, s.Limits.Body)
	case c.Request.ContentLength > 0:
		return badParameter("Content-Length", "a file is created without its bytes; they come by PATCH")
	case call.ValidateOnly:
		return intake.ErrNotForeseeable.WithDetail("A file that arrives in parts cannot be validated alone. Send it in one call with Prefer: validate-only. Nothing was done.")
	}
	media, err := fileMedia(c)
	if err != nil {
		return err
	}
	call.MaxRows = s.Limits.CSVRows
	if err := s.Intake.Early(c.Request.Context(), call); err != nil {
		return err
	}
	f, err := s.Files.Create(c.Request.Context(), call, media, length)
	if err != nil {
		return err
	}
	tellFile(c, f)
	c.Writer.Header().Set("Location", filesPath+"/"+string(f.ID))
	return answer(c, http.StatusCreated, wireFile(f))
}

func wireFile(f models.PartialFile) wire.File {
	return wire.File{ID: string(f.ID), Length: f.Length, Received: f.Received, ExpiresAt: f.ExpiresAt.UTC(), TrackingID: string(f.TrackingID)}
}

// fileMedia is the content type that Upload-Metadata gives as filetype. Only text is
// taken that can be looked through as it comes.
func fileMedia(c *gin.Context) (string, error) {
	for pair := range strings.SplitSeq(c.GetHeader("Upload-Metadata"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), " ")
		if name != "filetype" {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", badParameter("Upload-Metadata", "filetype is not base64")
		}
		r := &http.Request{Header: http.Header{"Content-Type": {string(text)}}}
		media, charset := contentType(r)
		if isUTF8(charset) && (media == "text/csv" || isNDJSON(media)) {
			return media, nil
		}
		return "", errMediaType.WithDetail("Files in parts are taken as text/csv or application/x-ndjson in UTF-8; filetype says something else.")
	}
	return "", badParameter("Upload-Metadata", "it must give filetype, text/csv or application/x-ndjson, in base64")
}

// tellFile sets what every answer about a file carries.
func tellFile(c *gin.Context, f models.PartialFile) {
	h := c.Writer.Header()
	h.Set(headerTus, tusVersion)
	h.Set(headerTusOffset, strconv.FormatInt(f.Received, 10))
	h.Set(headerTusLength, strconv.FormatInt(f.Length, 10))
	h.Set("Upload-Expires", f.ExpiresAt.UTC().Format(http.TimeFormat))
}

// fileAsked is the file in the path, if the caller may see it.
func (s *server) fileAsked(c *gin.Context) (files.Owner, models.PartialFile, error) {
	id := strings.ToLower(c.Param("file"))
	if !models.ValidGUID(id) {
		return files.Owner{}, models.PartialFile{}, files.ErrNotFound
	}
	who := caller(c)
	owner := files.Owner{Partner: who.PartnerID, Tenant: who.TenantID}
	f, err := s.Files.File(c.Request.Context(), owner, models.FileID(id))
	return owner, f, err
}

// getFile says how much of a file is there; senders ask by HEAD.
//
//	@Summary	How much of a file is there
//	@Tags		uploads
//	@Param		file	path	string	true	"file id"
//	@Success	200	{object}	wire.File
//	@Success	304	"unchanged since the ETag in If-None-Match"
//	@Failure	400,401,403,404	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/files/{file} [get]
func (s *server) getFile(c *gin.Context) error {
	_, f, err := s.fileAsked(c)
	if err != nil {
		return err
	}
	tellFile(c, f)
	return answer(c, http.StatusOK, wireFile(f))
}

// patchFile adds a piece to a file. The one that completes it has it accepted as an upload;
// an empty one at the end tries that again.
//
//	@Summary	Add to a file
//	@Tags		uploads
//	@Param		file	path	string	true	"file id"
//	@Param		Tus-Resumable	header	string	true	"1.0.0"
//	@Param		Upload-Offset	header	int		true	"how many bytes are there"
//	@Success	204	"Upload-Offset says how many bytes are there; when the file is whole, Location leads to the status of its upload"
//	@Failure	400,401,403,404,409,412,415	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/files/{file} [patch]
func (s *server) patchFile(c *gin.Context) error {
	if err := tus(c); err != nil {
		return err
	}
	if media, _ := contentType(c.Request); media != tusPieces {
		return errMediaType.WithDetail("Pieces of a file come as %s.", tusPieces)
	}
	if err := plainBody(c.Request, files.MaxLength); err != nil {
		return err
	}
	offset, err := strconv.ParseInt(c.GetHeader(headerTusOffset), 10, 64)
	if err != nil || offset < 0 {
		return badParameter(headerTusOffset, "it must be the number of bytes that are there")
	}
	owner, f, err := s.fileAsked(c)
	if err != nil {
		return err
	}
	if f.TrackingID == "" || offset != f.Length {
		if f, err = s.Files.Append(c.Request.Context(), owner, f.ID, offset, c.Request.Body); err != nil {
			return err
		}
	}
	if f.Received == f.Length {
		if f, err = s.completeFile(c, f); err != nil {
			return err
		}
		c.Writer.Header().Set("Location", f.Location)
	}
	tellFile(c, f)
	c.Status(http.StatusNoContent)
	return nil
}

// completeFile has a whole file accepted, once however often it is called.
func (s *server) completeFile(c *gin.Context, f models.PartialFile) (models.PartialFile, error) {
	if f.TrackingID != "" {
		return f, nil
	}
	ctx := c.Request.Context()
	call, text, err := s.Files.Whole(ctx, f)
	if err != nil {
		return f, err
	}
	leave, err := s.crowd.enter(c)
	if err != nil {
		return f, err
	}
	defer leave()
	src := s.fileSource(f.Media, text)
	accepted, err := s.Intake.Accept(ctx, call, src)
	if err != nil {
		return f, orFailure(src, err)
	}
	f.TrackingID, f.Location = accepted.TrackingID, accepted.Location
	return f, s.Files.Became(ctx, f, accepted)
}

func (s *server) fileSource(media string, text io.Reader) deviceSource {
	if isNDJSON(media) {
		return format.NewNDJSON(text, s.Limits.Body)
	}
	return format.NewCSV(text, "", s.Limits.Body)
}

// deleteFile forgets a file that is not wanted any more.
//
//	@Summary	Forget a file
//	@Tags		uploads
//	@Param		file	path	string	true	"file id"
//	@Param		Tus-Resumable	header	string	true	"1.0.0"
//	@Success	204	"it is gone; an upload that it became stays"
//	@Failure	400,401,403,404,412	{object}	wire.Problem
//	@Security	oauth2[devices.write]
//	@Router		/v1/files/{file} [delete]
func (s *server) deleteFile(c *gin.Context) error {
	if err := tus(c); err != nil {
		return err
	}
	owner, f, err := s.fileAsked(c)
	if err != nil {
		return err
	}
	if err := s.Files.Remove(c.Request.Context(), owner, f.ID); err != nil {
		return err
	}
	c.Status(http.StatusNoContent)
	return nil
}
