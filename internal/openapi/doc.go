// Package openapi makes docs/openapi.json, the OpenAPI 3.0.3 form of the API's
// description, from docs/swagger.json, and checks it by rules of our own.
//
// swag writes OpenAPI 2, which can say neither that a body may come in several forms,
// nor that a member may be null, nor what a header means. What it leaves out stands in
// the code: the package reads names of handlers from the gateway's source and which
// members of a body are required, null or times from gateway/wire. Tests and make docs
// use it; no command links it.
package openapi
