package gateway

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"countersign/gateway/intake"
	"countersign/gateway/intake/format"
	"countersign/models"
)

// deviceSource is a body of devices.
type deviceSource interface {
	intake.Source
	// Failure returns why the body could not be read to its end, if so.
	Failure() error
}

// call collects what an upload or removal is about, except for its body.
func (s *server) call(c *gin.Context, p *params) (intake.Call, error) {
	x := exchangeOf(c.Request.Context())
	tenant, err := tenantOf(c)
	if err != nil {
		return intake.Call{}, err
	}
	if x.keyErr != nil {
		return intake.Call{}, x.keyErr
	}
	if p.err != nil {
		return intake.Call{}, p.err
	}
	who := caller(c)
	return intake.Call{
		Caller:        intake.Caller{PartnerID: who.PartnerID, PartnerKind: who.PartnerKind, ClientID: who.ClientID},
		Tenant:        tenant,
		Method:        c.Request.Method,
		Path:          repeatPath(c, tenant, p),
		Key:           x.key,
		CorrelationID: x.correlationID,
		Strict:        prefersStrict(c.Request),
		Defaults:      p.orderData(),
	}, nil
}

// repeatPath tells calls apart that may be repeats of each other: the path as routed,
// with the customer id in one spelling, and the query in one order.
func repeatPath(c *gin.Context, tenant models.TenantID, p *params) string {
	path := strings.Replace(c.Request.URL.Path, c.Param("tenant"), string(tenant), 1)
	return (&url.URL{Path: path, RawQuery: p.values.Encode()}).String()
}

// prefersStrict reads Prefer: handling=strict (RFC 7240 section 4.4).
func prefersStrict(r *http.Request) bool {
	for _, value := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(preference), " ", ""), "handling=strict") {
				return true
			}
		}
	}
	return false
}

// open looks at what the headers say of the body and makes its reader. Nothing is read
// yet.
func (s *server) open(c *gin.Context, call *intake.Call) (deviceSource, error) {
	r := c.Request
	if err := plainBody(r, s.Limits.Body); err != nil {
		return nil, err
	}
	media, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := options["charset"]
	switch {
	case err == nil && media == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8")):
		call.MaxRows = s.Limits.JSONRows
		return format.NewJSON(r.Body, call.Append, s.Limits.Body), nil
	case err == nil && media == "text/csv" && format.KnownCharset(charset):
		call.MaxRows = s.Limits.CSVRows
		return format.NewCSV(r.Body, charset, s.Limits.Body), nil
	}
	return nil, errMediaType.WithDetail("Devices are taken as application/json in UTF-8 or as text/csv; the content type of this call is neither.")
}

// plainBody refuses bodies by their headers.
func plainBody(r *http.Request, limit int64) error {
	for _, coding := range r.Header.Values("Content-Encoding") {
		if coding != "" {
			return errEncoding
		}
	}
	if r.ContentLength > limit {
		return errBodyTooLarge.WithDetail("The body has %d bytes; this call takes at most %d. Split the call.", r.ContentLength, limit)
	}
	return nil
}

// accept hands the call over and answers 202 with an empty body, as Partner Center does.
func (s *server) accept(c *gin.Context, call intake.Call, src deviceSource) error {
	accepted, err := s.Intake.Accept(c.Request.Context(), call, src)
	if err != nil {
		if failure := src.Failure(); failure != nil {
			return failure
		}
		return err
	}
	h := c.Writer.Header()
	if call.Strict {
		h.Set("Preference-Applied", "handling=strict")
	}
	return done(c, http.StatusAccepted, accepted)
}

// done answers an accepted call. Location is relative and without /v1: Partner Center's
// clients cut it apart by its slashes.
func done(c *gin.Context, status int, accepted intake.Accepted) error {
	h := c.Writer.Header()
	h.Set("Location", accepted.Location)
	if accepted.Replayed {
		h.Set(headerReplayed, "true")
	}
	c.Status(status)
	return nil
}
