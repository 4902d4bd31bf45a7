// Package e2e tells the stories of Countersign from outside: real processes, the
// public API through gateway/client, operators through countersignd admin. It
// holds tests only.
package e2e
