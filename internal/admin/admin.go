package admin

import (
	"context"
	"encoding/json"
	"fmt"

	"countersign/internal/errs"
)

// Command runs one operation on its JSON input and returns what is to be shown.
type Command func(ctx context.Context, input json.RawMessage) (any, error)

// Table is every command by its name, e.g. "partner.create".
type Table map[string]Command

// Typed makes a Command of a function with a typed input. Unknown members are
// refused, so that a newer client's option is never silently dropped by an older
// server.
func Typed[In, Out any](fn func(ctx context.Context, in In) (Out, error)) Command {
	return func(ctx context.Context, input json.RawMessage) (any, error) {
		in, err := decodeStrict[In](input)
		if err != nil {
			return nil, errs.New(errs.Invalid, "bad_command", "The server does not understand this command: "+err.Error()+". Is it of the same version as the command line?")
		}
		return fn(ctx, in)
	}
}

// Run executes a command of the table in this process.
func (t Table) Run(ctx context.Context, name string, input any) (json.RawMessage, error) {
	cmd, ok := t[name]
	if !ok {
		return nil, errs.Newf(errs.Invalid, "bad_command", "There is no command %q.", name)
	}
	in, err := json.Marshal(input)
	if err != nil {
		return nil, fmt.Errorf("encode the input of %s: %w", name, err)
	}
	out, err := cmd(ctx, in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}
