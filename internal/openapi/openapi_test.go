package openapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"countersign/internal/openapi"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

const root = "../.."

func build(t *testing.T, swagger []byte) []byte {
	t.Helper()
	src, err := openapi.ReadSource(filepath.Join(root, "gateway"), filepath.Join(root, "gateway", "wire"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi.Build(swagger, src)
	if err != nil {
		t.Fatal(err)
	}
	text, err := openapi.Print(doc)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func committed(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Not parallel: with -update it writes what the others read.
func TestDocument_isBuiltFromSwagger(t *testing.T) {
	text := build(t, committed(t, "swagger.json"))
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs", "openapi.json"), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(committed(t, "openapi.json"), text) {
		t.Error("docs/openapi.json is not what docs/swagger.json and the source say; run: make docs")
	}
	if !bytes.Equal(build(t, committed(t, "swagger.json")), text) {
		t.Error("two runs differ")
	}
}

func TestDocument_isSound(t *testing.T) {
	t.Parallel()
	for _, fault := range openapi.Lint(t.Context(), committed(t, "openapi.json")) {
		t.Error(fault)
	}
}

// What OpenAPI 2 cannot say and the source can.
func TestDocument_saysWhatSwaggerCannot(t *testing.T) {
	t.Parallel()
	doc, err := openapi3.NewLoader().LoadFromData(committed(t, "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	schemas := doc.Components.Schemas
	if left := schemas["DeviceGauge"].Value.Properties["left"]; !left.Value.Nullable {
		t.Error("DeviceGauge.left may be null and is not described so")
	}
	if at := schemas["Consent"].Value.Properties["createdAt"]; at.Value.Format != "date-time" {
		t.Error("Consent.createdAt is not described as a time")
	}
	if need := strings.Join(schemas["ConsentAsk"].Value.Required, " "); need != "tenant purpose scopes" {
		t.Errorf("ConsentAsk requires %q", need)
	}
	if schemas["PageOfUpload"] == nil || schemas["NewDevice"].Value.Properties["orderNumber"] == nil {
		t.Error("generic or embedded structs are not described")
	}
	create := doc.Paths.Value("/v1/customers/{tenant}/deviceBatches").Post
	if create.OperationID != "createBatch" {
		t.Errorf("operation id %q is not the handler's name", create.OperationID)
	}
	body := create.RequestBody.Value.Content
	if csv := body["text/csv"].Schema; csv.Ref != "" || !csv.Value.Type.Is("string") {
		t.Error("a CSV body is described as JSON")
	}
	if body["application/json"].Schema.Ref != "#/components/schemas/DeviceBatchCreationRequest" {
		t.Error("the JSON body has lost its schema")
	}
	if create.Responses.Status(202).Value.Headers["Location"] == nil || create.Responses.Status(503) == nil {
		t.Error("Location or the answer 503 is missing")
	}
}

// Each rule of the linter finds the fault it is for.
func TestLint_findsPlantedFaults(t *testing.T) {
	t.Parallel()
	const consents = "/v1/consents/{id}"
	cases := []struct {
		name  string
		plant func(*openapi3.T)
		want  string
	}{
		{"no summary", func(d *openapi3.T) { d.Paths.Value(consents).Get.Summary = "" }, "summary"},
		{"operation id twice", func(d *openapi3.T) { d.Paths.Value(consents).Get.OperationID = "listConsents" }, "operation id"},
		{"unknown tag", func(d *openapi3.T) { d.Paths.Value(consents).Get.Tags = []string{"other"} }, "tags"},
		{"parameter not declared", func(d *openapi3.T) { d.Paths.Value(consents).Get.Parameters = nil }, "is not declared"},
		{"parameter without words", func(d *openapi3.T) { d.Paths.Value(consents).Get.Parameters[0].Value.Description = "" }, "no description"},
		{"no refusal", func(d *openapi3.T) {
			for _, status := range []string{"400", "401", "403", "404", "429", "503"} {
				d.Paths.Value(consents).Get.Responses.Delete(status)
			}
		}, "no refusal"},
		{"no success", func(d *openapi3.T) { d.Paths.Value(consents).Get.Responses.Delete("200") }, "no successful answer"},
		{"success without schema", func(d *openapi3.T) { d.Paths.Value(consents).Get.Responses.Status(200).Value.Content = nil }, "has no schema"},
		{"refusal of another form", func(d *openapi3.T) {
			d.Paths.Value(consents).Get.Responses.Status(404).Value.Content["application/problem+json"].Schema.Ref = "#/components/schemas/Health"
		}, "has not the schema Problem"},
		{"refusal of another type", func(d *openapi3.T) {
			r := d.Paths.Value(consents).Get.Responses.Status(404).Value
			r.Content = openapi3.Content{"application/json": r.Content["application/problem+json"]}
		}, "is not sent as application/problem+json"},
		{"unused schema", func(d *openapi3.T) { d.Components.Schemas["Orphan"] = d.Components.Schemas["Health"] }, "nothing uses schemas Orphan"},
		{"reference to nothing", func(d *openapi3.T) { delete(d.Components.Schemas, "Health") }, "Health"},
	}
	base := excerpt(t, consents, "/v1/consents", "/healthz")
	if found := openapi.Lint(t.Context(), base); len(found) > 0 {
		t.Fatalf("the excerpt is not sound before anything is planted: %q", found)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc, err := openapi3.NewLoader().LoadFromData(base)
			if err != nil {
				t.Fatal(err)
			}
			c.plant(doc)
			text, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			if found := strings.Join(openapi.Lint(t.Context(), text), "\n"); !strings.Contains(found, c.want) {
				t.Errorf("found %q, want something about %q", found, c.want)
			}
		})
	}
}

// excerpt is the description of a few paths with what they use: the whole of it would be
// read again for each fault.
func excerpt(t *testing.T, paths ...string) []byte {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(committed(t, "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range doc.Paths.Keys() {
		if !slices.Contains(paths, path) {
			doc.Paths.Delete(path)
		}
	}
	for {
		text, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		unused := func(kind, name string) bool {
			return !bytes.Contains(text, []byte(`"#/components/`+kind+`/`+name+`"`))
		}
		before := len(doc.Components.Schemas) + len(doc.Components.Parameters) + len(doc.Components.Headers)
		maps.DeleteFunc(doc.Components.Schemas, func(name string, _ *openapi3.SchemaRef) bool { return unused("schemas", name) })
		maps.DeleteFunc(doc.Components.Parameters, func(name string, _ *openapi3.ParameterRef) bool { return unused("parameters", name) })
		maps.DeleteFunc(doc.Components.Headers, func(name string, _ *openapi3.HeaderRef) bool { return unused("headers", name) })
		if before == len(doc.Components.Schemas)+len(doc.Components.Parameters)+len(doc.Components.Headers) {
			return text
		}
	}
}
