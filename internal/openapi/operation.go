package openapi

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

const (
	jsonType        = "application/json"
	problemType     = "application/problem+json"
	partnerCenter   = "/v1/customers" // its errors are sent as plain JSON
	tooManyRequests = http.StatusTooManyRequests
)

// textForms are bodies that are not one JSON value, which a schema cannot describe.
var textForms = map[string]struct{ description, example string }{
	"text/csv": {
		"A header line and one device a line. Partner Center's columns are known by name, in any order; further columns are fine.",
		"Device Serial Number,Windows Product ID,Hardware Hash,Manufacturer name,Device model\n0815-4711-42,,T0FvAQEA…,Contoso,Atlas 14\n",
	},
	"application/x-ndjson": {"One JSON object a line, with the members that application/json has for one item.", ""},
	"application/xml":      {"Reports of the OEM Activation 3.0 tools, as they are written.", ""},
	"text/xml":             {"Reports of the OEM Activation 3.0 tools, as they are written.", ""},
}

// refusals say what each status of a refusal stands for.
var refusals = map[int]string{
	400: "The call is not acceptable. `reason` and `detail` say why, `errors` where.",
	401: "There is no access token, or it is not accepted.",
	403: "The token, the caller or the consent does not allow this call.",
	404: "There is nothing by this name that the caller may see.",
	408: "The body came too slowly; nothing was stored.",
	409: "The call conflicts with the present state or with an earlier call.",
	412: "A version of a protocol is not spoken here.",
	413: "The body is too large.",
	415: "The content type is not taken here.",
	429: "A budget is spent. Wait as long as `Retry-After` says.",
	500: "Unexpected; repeat with the same request id.",
	503: "Not available at this moment. Repeat later with the same request id.",
}

// fixOperation completes one call.
func fixOperation(op *openapi3.Operation, method, path string, src *Source) {
	if op.OperationID == "" {
		op.OperationID = src.handlers[method+" "+path]
	}
	if op.RequestBody != nil {
		fixBody(op.RequestBody.Value)
	}
	if op.Security != nil {
		addRefusal(op, tooManyRequests, "Throttled")
		addRefusal(op, http.StatusServiceUnavailable, "Problem")
	}
	for status, response := range op.Responses.Map() {
		fixResponse(response.Value, status, path)
	}
	addHeaderParameters(op, method)
}

func fixBody(body *openapi3.RequestBody) {
	delete(body.Extensions, "x-originalParamName")
	for media, content := range body.Content {
		if media == "application/x-www-form-urlencoded" {
			body.Required = true
			for _, property := range content.Schema.Value.Properties {
				delete(property.Value.Extensions, "x-formData-name")
			}
		}
		form, ok := textForms[media]
		if !ok {
			continue
		}
		schema := openapi3.NewStringSchema()
		schema.Description = form.description
		if form.example != "" {
			schema.Example = form.example
		}
		content.Schema = openapi3.NewSchemaRef("", schema)
	}
}

// addRefusal adds an answer that every call with a token can get.
func addRefusal(op *openapi3.Operation, status int, schema string) {
	if op.Responses.Status(status) != nil {
		return
	}
	description := ""
	op.Responses.Set(strconv.Itoa(status), &openapi3.ResponseRef{Value: &openapi3.Response{
		Description: &description,
		Content:     openapi3.NewContentWithJSONSchemaRef(openapi3.NewSchemaRef("#/components/schemas/"+schema, nil)),
	}})
}

// fixResponse puts right what OpenAPI 2 cannot tell apart: every answer lists the
// content types of the whole call.
func fixResponse(r *openapi3.Response, status, path string) {
	code, _ := strconv.Atoi(status)
	if text, ok := refusals[code]; ok && (*r.Description == "" || *r.Description == http.StatusText(code)) {
		r.Description = &text
	}
	for _, content := range r.Content {
		if isProblem(content) {
			r.Content = openapi3.Content{problemMedia(path): content}
		}
	}
	set := func(name string) {
		if r.Headers == nil {
			r.Headers = openapi3.Headers{}
		}
		r.Headers[name] = &openapi3.HeaderRef{Ref: "#/components/headers/" + name}
	}
	switch code {
	case http.StatusUnauthorized:
		set("WWW-Authenticate")
	case tooManyRequests, http.StatusServiceUnavailable:
		set("Retry-After")
	case http.StatusNotModified:
		set("ETag")
	}
	for _, name := range []string{"Location", "Operation-Location"} {
		if strings.HasPrefix(*r.Description, name+" ") {
			set(name)
		}
	}
}

// problemMedia is the content type of a refusal. Partner Center's clients know JSON only.
func problemMedia(path string) string {
	if strings.HasPrefix(path, partnerCenter) {
		return jsonType
	}
	return problemType
}

func isProblem(content *openapi3.MediaType) bool {
	return content.Schema != nil && content.Schema.Ref == "#/components/schemas/Problem"
}

func headers() openapi3.Headers {
	all := openapi3.Headers{}
	for name, description := range map[string]string{
		"ETag":               "Changes with the content; send it as If-None-Match.",
		"Location":           "Where to look next, relative to the address of the API.",
		"Operation-Location": "Where to see when the change has taken effect.",
		"Retry-After":        "Whole seconds to wait.",
		"WWW-Authenticate":   "The challenge of RFC 6750, with the scope that is missing.",
	} {
		all[name] = &openapi3.HeaderRef{Value: &openapi3.Header{Parameter: openapi3.Parameter{
			Description: description, Schema: openapi3.NewSchemaRef("", openapi3.NewStringSchema()),
		}}}
	}
	return all
}

func parameters() openapi3.ParametersMap {
	id := openapi3.NewStringSchema().WithPattern(`^[A-Za-z0-9._:-]{8,128}$`)
	text := openapi3.NewStringSchema()
	all := openapi3.ParametersMap{}
	add := func(key, header, description string, schema *openapi3.Schema) {
		p := openapi3.NewHeaderParameter(header).WithDescription(description).WithSchema(schema)
		all[key] = &openapi3.ParameterRef{Value: p}
	}
	add("RequestId", "MS-RequestId", "Makes the call repeatable: with the same id and body the first answer is given again and nothing is done twice. It comes back in the answer.", id)
	add("IdempotencyKey", "Idempotency-Key", "The same under the name of the IETF draft; if both are sent they must be equal.", id)
	add("CorrelationId", "MS-CorrelationId", "Ties calls together in logs. It comes back in the answer.", id)
	add("Prefer", "Prefer", "`validate-only` says what each row would become and registers nothing. `handling=strict` refuses the whole upload when the device limit of the consent does not hold all of it (RFC 7240).", text)
	add("IfNoneMatch", "If-None-Match", "The ETag of an earlier answer; if nothing has changed the answer is 304 without body.", text)
	return all
}

// addHeaderParameters names the request headers that mean something to a call.
func addHeaderParameters(op *openapi3.Operation, method string) {
	var keys []string
	if repeatable(op) && method != http.MethodGet {
		keys = []string{"RequestId", "IdempotencyKey", "CorrelationId"}
		if op.RequestBody != nil {
			keys = append(keys, "Prefer")
		}
	}
	if op.Responses.Status(http.StatusNotModified) != nil {
		keys = append(keys, "IfNoneMatch")
	}
	for _, key := range keys {
		op.Parameters = append(op.Parameters, &openapi3.ParameterRef{Ref: "#/components/parameters/" + key})
	}
}

// repeatable reports whether a call is remembered under its request id: those are the
// calls whose outcome is found later, at the address in Location.
func repeatable(op *openapi3.Operation) bool {
	for _, response := range op.Responses.Map() {
		if response.Value.Headers["Location"] != nil {
			return true
		}
	}
	return false
}
