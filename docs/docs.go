// Package docs embeds the description of the API, which is generated from the
// annotations of the gateway's handlers and committed.
package docs

import _ "embed" // for the two forms

// Swagger is the API in the form of Swagger 2.0, as JSON.
//
//go:embed swagger.json
var Swagger []byte

// OpenAPI is the same as OpenAPI 3.0.3, made from the former by internal/openapi.
//
//go:embed openapi.json
var OpenAPI []byte
