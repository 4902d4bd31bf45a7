// Package signin is how a person comes to speak for a tenant: the tenant's own
// OpenID provider, the first admin, further people with their roles, and their
// sessions. It is the relying party of OpenID Connect Core 1.0 with the
// authorization code flow, PKCE (RFC 7636), the issuer in the response (RFC 9207)
// and the rules of the Best Current Practice for OAuth (RFC 9700).
//
// A person is (iss, sub) within one tenant, never a name or an address. What a
// person may do is the wider of the role that the provider's claim says and the
// one given here; both are read anew whenever a session is used, the claim
// whenever the person proves itself. The provider's tokens are read once, in
// memory, and dropped; no browser and no table ever holds one.
//
// Until the first admin of a tenant signed in, operators prepare it: they name the
// provider and hand out the set-up invitation. From that moment on everything
// here needs an admin of the tenant, and what operators gave the tenant's clients
// ends.
//
// The package speaks HTTP only to providers, through the client it is given, and
// makes no pages and no cookies: it returns the values. It must not learn what is
// decided with a session.
package signin
