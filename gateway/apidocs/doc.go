// Package apidocs holds the pages for people: the API as Swagger UI shows it, and what
// each error means. Everything is embedded and nothing is fetched from elsewhere; the
// policy of each page lets a browser talk to this server only.
package apidocs
