package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
)

// Build makes the OpenAPI 3 description from the Swagger 2 one.
func Build(swagger []byte, src *Source) (*openapi3.T, error) {
	var v2 openapi2.T
	if err := json.Unmarshal(swagger, &v2); err != nil {
		return nil, fmt.Errorf("read the Swagger 2 description: %w", err)
	}
	named, structs, err := rename(swagger, v2.Definitions)
	if err != nil {
		return nil, err
	}
	doc, err := openapi2conv.ToV3(named)
	if err != nil {
		return nil, fmt.Errorf("convert to OpenAPI 3: %w", err)
	}
	describe(doc)
	for _, path := range doc.Paths.Keys() {
		for method, op := range doc.Paths.Value(path).Operations() {
			fixOperation(op, method, path, src)
		}
	}
	for name, schema := range doc.Components.Schemas {
		fixSchema(schema, src.bodies[structs[name]])
	}
	return doc, nil
}

// Print writes a description as it is committed: members in the order of their names,
// so that the same description is always the same bytes.
func Print(doc *openapi3.T) ([]byte, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "    "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// rename gives schemas names that generators of clients can use: wire.Page-wire_Upload
// becomes PageOfUpload. It also says which struct each one is.
func rename(swagger []byte, definitions map[string]*openapi2.SchemaRef) (*openapi2.T, map[string]string, error) {
	structs := map[string]string{}
	var pairs []string
	for old := range definitions {
		generic, of, isGeneric := strings.Cut(strings.TrimPrefix(old, "wire."), "-")
		name := generic
		if isGeneric {
			name += "Of" + strings.TrimPrefix(of, "wire_")
		}
		structs[name] = generic
		pairs = append(pairs, `"`+old+`"`, `"`+name+`"`, `"#/definitions/`+old+`"`, `"#/definitions/`+name+`"`)
	}
	var v2 openapi2.T
	if err := json.Unmarshal([]byte(strings.NewReplacer(pairs...).Replace(string(swagger))), &v2); err != nil {
		return nil, nil, fmt.Errorf("rename the definitions: %w", err)
	}
	return &v2, structs, nil
}

// describe sets what is said once for the whole API.
func describe(doc *openapi3.T) {
	doc.OpenAPI = "3.0.3"
	doc.Info.Contact = nil
	if doc.Info.License != nil {
		doc.Info.License.URL = "https://www.apache.org/licenses/LICENSE-2.0"
	}
	doc.Servers = openapi3.Servers{{URL: "/", Description: "The server that this description came from."}}
	doc.ExternalDocs = &openapi3.ExternalDocs{Description: "Every error code with cause, cure and who acts next.", URL: "/docs/errors"}
	if scheme := doc.Components.SecuritySchemes["oauth2"]; scheme != nil {
		scheme.Value.Description = "An access token of /oauth2/token, sent as `Authorization: Bearer`. It lasts ten minutes, five for a client with a secret. One that is bound to a key is sent as `Authorization: DPoP` with a proof (RFC 9449). It is a JWT of RFC 9068, read by the rules of RFC8725."
	}
	doc.Components.Headers = headers()
	doc.Components.Parameters = parameters()
}

// fixSchema says which members are always there, may be null or are times.
func fixSchema(ref *openapi3.SchemaRef, body bodySource) {
	schema := ref.Value
	if schema.Description == "" {
		schema.Description = body.doc
	}
	schema.Required = nil
	for _, m := range body.members {
		property := schema.Properties[m.name]
		if property == nil {
			continue
		}
		if m.required {
			schema.Required = append(schema.Required, m.name)
		}
		if m.time {
			property.Value.Format = "date-time"
		}
		if m.null {
			schema.Properties[m.name] = orNull(property)
		}
	}
}

// orNull allows null. Beside a $ref OpenAPI 3.0 reads nothing, so that one is wrapped.
func orNull(property *openapi3.SchemaRef) *openapi3.SchemaRef {
	if property.Ref == "" {
		property.Value.Nullable = true
		return property
	}
	return openapi3.NewSchemaRef("", &openapi3.Schema{Nullable: true, AllOf: openapi3.SchemaRefs{property}})
}
