// Package docs embeds the description of the API, which is generated from the
// annotations of the gateway's handlers and committed.
package docs

import _ "embed" // for Swagger

// Swagger is the API in the form of Swagger 2.0, as JSON.
//
//go:embed swagger.json
var Swagger []byte
