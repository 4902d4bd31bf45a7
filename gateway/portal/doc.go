// Package portal is the pages on which people of a tenant read what a partner asks,
// decide, watch what a permission does and end it.
//
// Every page is written by the server with html/template and needs no script; the
// policy it is served under lets a browser load style and pictures of this server and
// send forms to it, and nothing else. A page decides nothing: a decision calls the same
// method of consent that the API calls, with the person and the evidence of the sign-in
// as the actor.
//
// A GET changes nothing (only the way back from a sign-in does, as OpenID Connect has
// it). A POST carries the token of its session, comes from these pages, and answers with
// a redirect, so that going back or clicking twice shows the state and repeats nothing.
//
// What a path needs (a session, the role of an administrator) stands in the route table
// and nowhere else; a path that is not in the table is refused.
//
// Words are in messages, one file for each language; a further language is a further
// file. "Permission" is what pages call a grant.
package portal
