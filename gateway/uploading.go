package gateway

import (
	"io"
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
	tenant, err := tenantOf(c)
	if err != nil {
		return intake.Call{}, err
	}
	expected := p.guard("expectedDomain")
	call, err := s.callOf(c, p, strings.Replace(c.Request.URL.Path, c.Param("tenant"), string(tenant), 1))
	call.Tenant, call.ExpectedDomain = tenant, expected
	return call, err
}

// callOf collects what every call that brings devices is about. The path is as routed,
// with its ids in one spelling; with the query in one order it tells calls apart that may
// be repeats of each other.
func (s *server) callOf(c *gin.Context, p *params, path string) (intake.Call, error) {
	x := exchangeOf(c.Request.Context())
	if x.keyErr != nil {
		return intake.Call{}, x.keyErr
	}
	if p.whole(); p.err != nil {
		return intake.Call{}, p.err
	}
	who := caller(c)
	return intake.Call{
		Caller:        intake.Caller{PartnerID: who.PartnerID, PartnerKind: who.PartnerKind, ClientID: who.ClientID},
		Method:        c.Request.Method,
		Path:          (&url.URL{Path: path, RawQuery: p.values.Encode()}).String(),
		Key:           x.key,
		CorrelationID: x.correlationID,
		Strict:        prefers(c.Request, "handling=strict"),
		ValidateOnly:  prefers(c.Request, "validate-only"),
		Grant:         models.GrantID(strings.ToLower(strings.TrimSpace(c.GetHeader(headerGrant)))),
		Defaults:      p.orderData(),
	}, nil
}

// headerGrant names the consent that a provider means, when several resellers of the
// customer let it act.
const headerGrant = "Countersign-Grant"

// prefers reads the Prefer header (RFC 7240): handling=strict of its section 4.4, and our
// own validate-only.
func prefers(r *http.Request, wanted string) bool {
	for _, value := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(preference), " ", ""), wanted) {
				return true
			}
		}
	}
	return false
}

// open looks at what the headers say of the body and makes its reader. Nothing is read
// yet.
func (s *server) open(c *gin.Context, call *intake.Call) (deviceSource, error) {
	return s.openAs(c, call, func(body io.Reader) deviceSource { return format.NewJSON(body, call.Append, s.Limits.Body) })
}

// openAs is open with another reader of JSON.
func (s *server) openAs(c *gin.Context, call *intake.Call, newJSON func(io.Reader) deviceSource) (deviceSource, error) {
	body, err := s.content(c)
	if err != nil {
		return nil, err
	}
	media, charset := contentType(c.Request)
	call.MaxRows = s.Limits.CSVRows
	switch {
	case media == "application/json" && isUTF8(charset):
		call.MaxRows = s.Limits.JSONRows
		return newJSON(body), nil
	case media == "text/csv" && format.KnownCharset(charset):
		return format.NewCSV(body, charset, s.Limits.Body), nil
	case isNDJSON(media) && isUTF8(charset):
		return format.NewNDJSON(body, s.Limits.Body), nil
	}
	return nil, errMediaType.WithDetail("Devices are taken as text/csv, or in UTF-8 as application/json or application/x-ndjson; the content type of this call is none of them.")
}

// accept hands the call over and answers 202 with an empty body, as Partner Center does.
func (s *server) accept(c *gin.Context, call intake.Call, src deviceSource) error {
	if call.ValidateOnly {
		return s.foresee(c, call, src)
	}
	leave, err := s.crowd.enter(c)
	if err != nil {
		return err
	}
	defer leave()
	accepted, err := s.Intake.Accept(c.Request.Context(), call, src)
	if err != nil {
		return orFailure(src, err)
	}
	s.tellBudgets(c, caller(c), call.Tenant)
	if call.Strict {
		c.Writer.Header().Set("Preference-Applied", "handling=strict")
	}
	return done(c, http.StatusAccepted, accepted)
}

// orFailure prefers why the body could not be read to what came of that.
func orFailure(src deviceSource, err error) error {
	if failure := src.Failure(); failure != nil {
		return failure
	}
	return err
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

// openReport is open for the bodies of build reports.
func (s *server) openReport(c *gin.Context, call *intake.Call) (reportSource, error) {
	body, err := s.content(c)
	if err != nil {
		return nil, err
	}
	media, charset := contentType(c.Request)
	call.MaxRows = s.Limits.CSVRows
	switch {
	case media == "application/json" && isUTF8(charset):
		call.MaxRows = s.Limits.JSONRows
		return format.NewReportJSON(body, s.Limits.Body), nil
	case isNDJSON(media) && isUTF8(charset):
		return format.NewReportNDJSON(body, s.Limits.Body), nil
	case (media == "application/xml" || media == "text/xml") && format.KnownCharset(charset):
		return format.NewOA3(body, charset, s.Limits.Body), nil
	}
	return nil, errMediaType.WithDetail("Build reports are taken as application/xml (the file that OA3Tool wrote with /Report), or in UTF-8 as application/json or application/x-ndjson; the content type of this call is none of them.")
}

// contentType is the media type of a body and its charset; both are empty when the
// header cannot be read.
func contentType(r *http.Request) (media, charset string) {
	media, options, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return "", ""
	}
	return media, options["charset"]
}

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

// isNDJSON knows the names one JSON text a line goes by; none is registered with IANA.
func isNDJSON(media string) bool {
	return media == "application/x-ndjson" || media == "application/ndjson" || media == "application/jsonl"
}
