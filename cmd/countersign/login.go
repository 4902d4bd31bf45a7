package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"countersign/cmd/countersign/internal/profile"
)

// loginInput is what login is told; the rest it asks a person for.
type loginInput struct {
	profile.Profile
	secretFile  string
	secretStdin bool
	noCheck     bool
}

func (a *app) loginCommand() *cobra.Command {
	var in loginInput
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Keep the address of a gateway and the credential of a client",
		Long: `Keep the address of a gateway and the credential of a client in a file that only you can
read. The secret comes from a prompt, from standard input (--secret-stdin), from a file or from
COUNTERSIGN_CLIENT_SECRET, never from the command line, which others on the machine can see.

COUNTERSIGN_URL, COUNTERSIGN_CLIENT_ID and COUNTERSIGN_CLIENT_SECRET, COUNTERSIGN_CLIENT_SECRET_FILE
or COUNTERSIGN_CLIENT_KEY_FILE make every command work without login. --ca-file is kept, too, for
a gateway whose certificate an authority of your own has signed. With --dpop (COUNTERSIGN_DPOP=1) each
run has its tokens bound to a key that it makes for itself and keeps nowhere: a token that is
stolen on the way is worth nothing.`,
		Example: `  countersign login --url https://gateway.example.com --client-id 0198f0c2-…
  countersign login --url https://gateway.example.com --client-id 0198f0c2-… --secret-file ./secret
  countersign login --profile plant7 --url https://gateway.example.com --client-id 0198f0c2-… --key-file plant7.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.login(cmd, in) },
	}
	cmd.Flags().StringVar(&in.URL, "url", "", "address of the gateway")
	cmd.Flags().StringVar(&in.ClientID, "client-id", "", "id of the OAuth client")
	cmd.Flags().StringVar(&in.secretFile, "secret-file", "", "file that holds the secret")
	cmd.Flags().BoolVar(&in.secretStdin, "secret-stdin", false, "read the secret from standard input")
	cmd.Flags().StringVar(&in.KeyFile, "key-file", "", "private key (PEM) in place of a secret")
	cmd.Flags().StringVar(&in.KeyID, "key-id", "", "kid the key was registered under, if it is not its thumbprint")
	cmd.Flags().BoolVar(&in.PlainHTTP, "plain-http", false, "allow http to another machine")
	cmd.Flags().BoolVar(&in.DPoP, "dpop", false, "have tokens bound to a key of this program (DPoP), which a strict client needs")
	cmd.Flags().BoolVar(&in.noCheck, "no-check", false, "do not try the credential")
	cmd.MarkFlagsMutuallyExclusive("secret-file", "secret-stdin", "key-file")
	return cmd
}

func (a *app) login(cmd *cobra.Command, in loginInput) error {
	p, err := a.complete(in)
	if err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	if !in.noCheck {
		c, err := a.clientFor(p)
		if err != nil {
			return err
		}
		if _, err := c.Token(cmd.Context()); err != nil {
			return err
		}
	}
	file, err := a.profiles()
	if err != nil {
		return err
	}
	file.Profiles[a.profileName] = p
	if err := file.Save(); err != nil {
		return err
	}
	return a.print(describe(a.profileName, p), func(g *grid) {
		g.row(fmt.Sprintf("Logged in to %s as %s (profile %s).", p.URL, p.ClientID, a.profileName))
	})
}

// complete finds what the flags do not say in the environment, or asks.
func (a *app) complete(in loginInput) (profile.Profile, error) {
	p := in.Profile
	var err error
	if p.URL, err = a.ask(p.URL, "COUNTERSIGN_URL", "Address of the gateway: "); err != nil {
		return p, err
	}
	p.URL = strings.TrimSuffix(p.URL, "/")
	if p.CAFile, err = absolute(cmp.Or(a.caFile, a.env("COUNTERSIGN_CA_FILE"))); err != nil {
		return p, err
	}
	if p.ClientID, err = a.ask(p.ClientID, "COUNTERSIGN_CLIENT_ID", "Client id: "); err != nil {
		return p, err
	}
	if p.KeyFile != "" {
		p.KeyFile, err = absolute(p.KeyFile)
		return p, err
	}
	p.ClientSecret, err = a.secret(in)
	return p, err
}

// absolute keeps the name of a file right wherever a later command runs.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	return filepath.Abs(path)
}

func (a *app) ask(given, variable, prompt string) (string, error) {
	if given != "" {
		return given, nil
	}
	if value := a.env(variable); value != "" || !isTerminal(a.in) {
		return value, nil // Check says what is missing
	}
	_, _ = fmt.Fprint(a.err, prompt)
	line, err := bufio.NewReader(io.LimitReader(a.in, 1<<12)).ReadString('\n')
	return strings.TrimSpace(line), err
}

func (a *app) secret(in loginInput) (string, error) {
	switch {
	case in.secretFile != "":
		return profile.SecretFromFile(in.secretFile)
	case in.secretStdin:
		text, err := io.ReadAll(io.LimitReader(a.in, 1<<16))
		if secret := strings.TrimRight(string(text), "\r\n"); err != nil || secret != "" {
			return secret, err
		}
		return "", errors.New("standard input holds no secret")
	}
	secret, err := profile.SecretFromEnv(a.env)
	if err != nil || secret != "" {
		return secret, err
	}
	stdin, ok := a.in.(*os.File)
	if !ok || !isTerminal(stdin) {
		return "", errors.New("no secret was given; use --secret-stdin, --secret-file, --key-file or COUNTERSIGN_CLIENT_SECRET")
	}
	_, _ = fmt.Fprint(a.err, "Client secret: ")
	typed, err := term.ReadPassword(int(stdin.Fd()))
	a.say("")
	return strings.TrimSpace(string(typed)), err
}

func (a *app) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "Forget a profile with its credential",
		Example: "  countersign logout --profile plant7",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			file, err := a.profiles()
			if err != nil {
				return err
			}
			if _, known := file.Profiles[a.profileName]; !known {
				return fmt.Errorf("there is no profile %q", a.profileName)
			}
			delete(file.Profiles, a.profileName)
			if err := file.Save(); err != nil {
				return err
			}
			return a.print(map[string]string{"profile": a.profileName}, func(g *grid) { g.row("Forgot profile " + a.profileName + ".") })
		},
	}
}

// identity is the JSON of whoami and login; it never holds a secret.
type identity struct {
	Profile  string   `json:"profile"`
	URL      string   `json:"url"`
	ClientID string   `json:"clientId"`
	Method   string   `json:"method"`
	Scopes   []string `json:"scopes,omitempty"`
}

func describe(name string, p profile.Profile) identity {
	return identity{Profile: name, URL: p.URL, ClientID: p.ClientID, Method: p.Method()}
}

func (a *app) whoamiCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "whoami",
		Short:   "Show the client in use and what it may do",
		Example: "  countersign whoami",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.profile()
			if err != nil {
				return err
			}
			c, err := a.clientFor(p)
			if err != nil {
				return err
			}
			token, err := c.Token(cmd.Context())
			if err != nil {
				return err
			}
			me := describe(a.profileName, p)
			me.Scopes = token.Scopes
			return a.print(me, func(g *grid) {
				g.field("Profile", me.Profile)
				g.field("Gateway", me.URL)
				g.field("Client", me.ClientID)
				g.field("Method", me.Method)
				g.field("Scopes", me.Scopes)
			})
		},
	}
}
