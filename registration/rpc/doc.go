// Package rpc is the core's network contract: server and client side by side, so that
// neither can say what the other does not hear. It is Connect over HTTP
// (connectrpc.com), which also speaks gRPC and plain JSON; core/v1 holds the
// messages and what is generated of them.
//
// To add a method: its messages and one line of the service in core.proto, make
// proto, one method of server and one of Client, and the method in Core.
package rpc
