package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"countersign/authz"
	"countersign/cmd/countersign/internal/atomicfile"
)

func (a *app) keyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Make a key for a client that authenticates by private_key_jwt",
	}
	var path string
	create := &cobra.Command{
		Use:   "new",
		Short: "Make a private key and print its public half for the operator",
		Long: `Make a private key (EC P-256), write it to a file that only you can read, and print the public
half as a key set. The operator registers that; the private key never leaves this machine.`,
		Example: `  countersign key new --out plant7.pem > plant7.jwks
  countersignd admin client create --partner 0198f0c2-… --name plant7 --jwks plant7.jwks
  countersign login --url https://gateway.example.com --client-id 0198f0c2-… --key-file plant7.pem`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.newKey(path) },
	}
	create.Flags().StringVar(&path, "out", "", "file for the private key")
	_ = create.MarkFlagRequired("out") // the flag is there
	cmd.AddCommand(create)
	return cmd
}

// newKey never overwrites a key: the old one may be in use.
func (a *app) newKey(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already; name another file", path)
	}
	text, err := authz.NewClientKey()
	if err != nil {
		return err
	}
	key, err := authz.ParseClientKey(text, "")
	if err != nil {
		return err
	}
	jwks, err := key.JWKS()
	if err != nil {
		return err
	}
	err = atomicfile.Write(path, 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
	if err != nil {
		return err
	}
	a.say("The private key is in %s. Give the operator what follows.", path)
	_, err = fmt.Fprintln(a.out, string(jwks))
	return err
}
