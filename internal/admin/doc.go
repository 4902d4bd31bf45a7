// Package admin carries operators' commands to the running server over a unix
// socket in its data directory. Who may open the socket is decided by the
// permissions of the file: it is readable by the account that owns the server,
// and there is no other authentication, because the first of these commands runs
// before any credential exists.
//
// The package is transport: a table of named commands, one JSON value in, one
// out. What a command does is joined in by the server's wiring.
package admin
