// Package gateway is the HTTP edge: routes, decoding, authentication, request
// budgets, error bodies, the access log and metrics. It is the only package that
// imports gin.
//
// A handler decodes, asks who is calling, calls one service and shapes the answer;
// it decides nothing about consent, budgets or states, touches no database, and
// returns its error. problem.go is the single place where an error becomes a status.
// What a call needs (scope, audience, rate class) stands in the route table and
// nowhere else, and a path that is not in the table is refused.
//
// Three surfaces share this edge. Under /v1/customers the answers follow Partner
// Center's wire format, so that its clients work unchanged; /oauth2 follows the OAuth
// RFCs; everything else is our own.
//
//	@title			Countersign
//	@version		1
//	@description	B2B integration gateway for zero-touch device registration. It registers nothing at Microsoft, Apple or Google; it brings its own core.
//	@description
//	@description	Under `/v1/customers` it speaks Partner Center's format. Every refusal but 429 carries Partner Center's members and those of RFC 9457 in one body, with who acts next; all of them stand in [errors and outcomes](/docs/errors). Members that are not described here may be added at any time.
//	@tag.name			oauth
//	@tag.description	Tokens and the authorization server's own documents.
//	@tag.name			customers
//	@tag.description	Partner Center's format: the customers who agreed.
//	@tag.name			devices
//	@tag.description	Devices: batches and their status in Partner Center's format, registrations and what became of them.
//	@tag.name			uploads
//	@tag.description	Everything that was sent, with the outcome of each row.
//	@tag.name			factory
//	@tag.description	What manufacturers report before a device is sold.
//	@tag.name			consents
//	@tag.description	Asking a customer for consent, deciding, ending.
//	@tag.name			events
//	@tag.description	What happened, in each caller's own numbering without holes, chained and signed.
//	@tag.name			clients
//	@tag.description	A partner's own OAuth clients: one for each plant, line or program.
//	@tag.name			tenant
//	@tag.description	A customer's own organisation: its domains, its sign-in, its people.
//	@tag.name			operations
//	@tag.description	Probes, metrics and stopped work.
//	@tag.name			documents
//	@tag.description	This description and the pages for people.
//	@license.name	Apache-2.0
//	@BasePath		/
//	@accept			json
//	@produce		json
//	@securityDefinitions.oauth2.application	oauth2
//	@tokenUrl		/oauth2/token
//	@scope.devices.write		submit and remove devices
//	@scope.devices.read			see devices, batches and uploads
//	@scope.consents.request		ask tenants for consent, withdraw the question
//	@scope.consents.read		see requests, grants and their history
//	@scope.events.read		follow what happened to the caller, its consents and its clients
//	@scope.consents.decide		decide for a tenant; end grants as an operator
//	@scope.tenant.manage		manage a tenant's domains, sign-in and people
//	@scope.clients.manage		make, renew and freeze a partner's other clients; never a default
//	@scope.operations.read		see stopped work
//	@scope.operations.write		put stopped work back
package gateway
