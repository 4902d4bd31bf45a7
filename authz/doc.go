// Package authz knows who is calling. It holds the token endpoint's logic, the
// keys, the signing and checking of every JSON Web Signature, and the reading of
// access tokens into a Principal. It is the only package that imports golang-jwt.
//
// A token says who a client is and what kinds of call it may make. It never says
// what a tenant allowed: grants are read where they are used, so that a revoked
// one is gone at once. For the same reason nothing about a client's standing is
// believed because it stands in a token: the verifier asks the ClientStore on
// every request.
//
// The package speaks no HTTP and no SQL, and it must not learn either: the
// gateway turns its errors into answers, and another package implements its
// ClientStore.
//
// Outside sources: RFC 6749 (token endpoint), RFC 7515 to 7519 (JOSE), RFC 7521
// and 7523 (client assertions), RFC 7638 (thumbprints), RFC 8414 (metadata),
// RFC 8725 (best practice for tokens), RFC 9068 (access tokens) and the FAPI 2.0
// Security Profile, Final.
package authz
