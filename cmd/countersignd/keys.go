package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"countersign/authz"
)

// lookAtKeysEvery is how soon a server follows what happens to its key files. A key that
// was taken away because others may have it verifies nothing this much later.
const lookAtKeysEvery = time.Second

// keyLead is how long a new key is published before it signs, unless somebody says
// otherwise: three times what key sets may be cached.
const keyLead = 15 * time.Minute

// followKeys reads key files again when they change.
func followKeys(ctx context.Context, log *slog.Logger, all ...*authz.Keys) {
	tick := time.NewTicker(lookAtKeysEvery)
	defer tick.Stop()
	var told string // an error is told once, not every second
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := ""
		for _, keys := range all {
			changed, err := keys.Refresh()
			if err != nil {
				now = err.Error()
			}
			if changed {
				log.InfoContext(ctx, "the signing keys have changed", "keys", keys.List())
			}
		}
		if now != "" && now != told {
			log.ErrorContext(ctx, "the signing keys cannot be read; the server goes on with those it has", "error", now)
		}
		told = now
	}
}

// keyView is one key as the commands print it.
type keyView struct {
	File      string     `json:"file"`
	ID        string     `json:"kid"`
	State     string     `json:"state"` // waiting, signing, verifying or over
	SignsFrom *time.Time `json:"signsFrom,omitempty"`
	Until     *time.Time `json:"verifiesUntil,omitempty"`
}

func viewKeys(keys *authz.Keys) []keyView {
	var out []keyView
	signed := false
	for _, k := range keys.List() {
		v := keyView{File: k.File, ID: k.ID, State: "verifying"}
		switch {
		case k.Signs:
			v.State, signed = "signing", true
		case k.Over:
			v.State = "over"
		case signed:
			v.State = "waiting"
		}
		if !k.SignsFrom.IsZero() {
			v.SignsFrom = &k.SignsFrom
		}
		if !k.Until.IsZero() {
			v.Until = &k.Until
		}
		out = append(out, v)
	}
	return out
}

func keysCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use: "keys", Short: "The server's own signing keys, in their files",
		Long: `The signing keys are files in DATA-DIR/keys. A running server looks at them once a second, so
none of this needs a restart. With several servers that do not share the directory, copy the
new file to all of them before its time has come.`,
	}
	purpose := string(authz.PurposeToken)
	cmd.PersistentFlags().StringVar(&purpose, "purpose", purpose, "which keys: token, receipt, ledger or sign-in")
	onKeys := func(use, short, long string, act func(*authz.Keys) error) *cobra.Command {
		return &cobra.Command{Use: use, Short: short, Long: long, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(cmd.Flags(), env.environ)
			if err != nil {
				return err
			}
			keys, err := openKeys(c.DataDir, purpose)
			if err != nil {
				return err
			}
			if err := act(keys); err != nil {
				return err
			}
			out := json.NewEncoder(env.stdout)
			out.SetIndent("", "  ")
			return out.Encode(viewKeys(keys))
		}}
	}
	lead := keyLead
	rotate := onKeys("rotate", "Make the next key, which signs after a while",
		`A new key is published at once and signs after --lead, so that whoever verifies has it by
then. The key before goes on verifying until the last token it signed has expired; then
"keys prune" deletes its file.`,
		func(k *authz.Keys) error { return k.Rotate(lead) })
	rotate.Flags().DurationVar(&lead, "lead", lead, "how long until the new key signs")
	var sure bool
	replace := onKeys("replace", "Make a new key that signs at once, and delete all others",
		`For keys that others may have: every access token that was issued is refused a second later,
and clients get new ones at the token endpoint. Receipts and checkpoints that a deleted key
signed can be verified only with a copy of the published key set from before.`,
		func(k *authz.Keys) error {
			if !sure {
				return fmt.Errorf("this ends every token that was issued; say --yes")
			}
			return k.Replace()
		})
	replace.Flags().BoolVar(&sure, "yes", false, "do it")
	cmd.AddCommand(
		onKeys("list", "List the keys and what they do", "", func(*authz.Keys) error { return nil }),
		rotate, replace,
		onKeys("prune", "Delete the keys that verify nothing any more", "", func(k *authz.Keys) error {
			gone, err := k.Prune()
			for _, name := range gone {
				fmt.Fprintln(env.stderr, "deleted", name)
			}
			return err
		}),
	)
	return cmd
}

func openKeys(dataDir, purpose string) (*authz.Keys, error) {
	for _, known := range authz.Purposes() {
		if string(known) == purpose {
			return authz.LoadKeysFor(dataDir, known, time.Now)
		}
	}
	return nil, fmt.Errorf("purpose %q is not one of token, receipt, ledger and sign-in", purpose)
}
