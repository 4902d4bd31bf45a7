// Package format reads the bodies that devices arrive in: Partner Center's JSON, the
// same devices one a line (NDJSON), the partner's and the customers' CSV, and factories'
// build reports as JSON, NDJSON or the XML of OA3Tool. Each reader is an intake.Source,
// and those of reports are intake.ReportSources: it yields rows as the body arrives,
// hashes every byte it read, and needs the same small memory whatever the body's size.
//
// Two kinds of fault are kept apart. A broken container (syntax, a wrong type around
// the devices, a header line that names no column) is an error, and nothing of the
// body counts. A broken device inside a sound container is that row's outcome: the row
// is yielded with Unreadable set and reading goes on.
//
// A 5x5 product key is a secret. The reader of XML refuses the whole body for one, since
// it is the factory tool's input file then; the others hand the cell to intake, which
// refuses the row without keeping it. No sentence of this package repeats one.
//
// What a value means is intake's to judge; this package only takes it out of the
// file. It knows nothing of HTTP but what a body reader tells it in its errors.
package format
