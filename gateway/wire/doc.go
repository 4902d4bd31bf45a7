// Package wire holds the JSON shapes of the HTTP surface and the table of its
// public error codes. It is shared by the server and the typed client, so it
// imports models and the standard library only and holds no rules.
//
// partnercenter.go follows Partner Center's published resources ("Device
// deployment resources", "Customer resources"); the other shapes are our own.
// Member names are camelCase. Members that only we know stand beside Partner
// Center's own in the same object, because its clients ignore unknown members.
package wire
