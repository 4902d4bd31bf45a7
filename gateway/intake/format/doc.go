// Package format reads the bodies that devices arrive in: Partner Center's JSON and
// the partner CSV. Each reader is an intake.Source: it yields rows as the body
// arrives, hashes every byte it read, and needs the same small memory whatever the
// body's size.
//
// Two kinds of fault are kept apart. A broken container (syntax, a wrong type around
// the devices, a header line that names no column) is an error, and nothing of the
// body counts. A broken device inside a sound container is that row's outcome: the row
// is yielded with Unreadable set and reading goes on.
//
// What a value means is intake's to judge; this package only takes it out of the
// file. It knows nothing of HTTP but what a body reader tells it in its errors.
package format
