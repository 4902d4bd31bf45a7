package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/spf13/cobra"

	"countersign/authz"
	"countersign/gateway/client"
	"countersign/internal/ledger/proof"
)

func (a *app) receiptCommand() *cobra.Command {
	var seq int64
	var file, language string
	cmd := &cobra.Command{
		Use:   "receipt ID",
		Short: "Get the signed receipt of a consent",
		Long: `Get the receipt of the last change of a request or grant, or of the change with a number of the
history. Without --file it is shown in words; with --file the signed receipt is written, which
countersign consent verify checks without the gateway.`,
		Example: `  countersign consent receipt 0198f0c2-…
  countersign consent receipt 0198f0c2-… --seq 12 --file receipt.jws`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			receipt, err := c.ConsentReceipt(cmd.Context(), args[0], seq)
			if err != nil {
				return err
			}
			if file != "" {
				return os.WriteFile(file, []byte(receipt.JWS+"\n"), 0o600)
			}
			return a.printText(receipt, receipt.Receipt.Text(language))
		},
	}
	cmd.Flags().Int64Var(&seq, "seq", 0, "number of the change, as the history shows it (default the last)")
	cmd.Flags().StringVar(&file, "file", "", "write the signed receipt there")
	cmd.Flags().StringVar(&language, "lang", "en", "language of the words: en or de")
	return cmd
}

// printText prints text for people, or the value as JSON.
func (a *app) printText(value any, text string) error {
	if a.output == outputJSON {
		return a.print(value, nil)
	}
	for line := range strings.Lines(text) {
		if _, err := fmt.Fprintln(a.out, plain(strings.TrimSuffix(line, "\n"))); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) exportCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write down your whole history so that it can be verified without the gateway",
		Long: `Write all your events with the hashes and signatures that chain them. What is written was verified
on the way. Keep it, and hold a later one or a receipt against it with countersign consent verify.`,
		Example: `  countersign consent export --file history.jsonl`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			var out bytes.Buffer
			n, err := export(cmd.Context(), c, &out)
			if err != nil {
				return err
			}
			if file == "" {
				_, err = out.WriteTo(a.out)
				return err
			}
			a.say("%d events, verified", n)
			return os.WriteFile(file, out.Bytes(), 0o600)
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "where to (default the terminal)")
	return cmd
}

// export writes a history and returns its length.
func export(ctx context.Context, c *client.Client, out io.Writer) (int, error) {
	set, err := c.KeySet(ctx)
	if err != nil {
		return 0, err
	}
	keys, err := openers(set)
	if err != nil {
		return 0, err
	}
	var w *proof.Writer
	n := 0
	for item, err := range c.AllEvents(ctx, 0) {
		if err != nil {
			return n, err
		}
		if w == nil {
			if w, err = proof.NewWriter(out, item.Entry.Chain, keys.checkpoints); err != nil {
				return n, err
			}
		}
		entry, err := json.Marshal(item.Entry)
		if err != nil {
			return n, err
		}
		if err := w.Add(proof.Entry{Entry: entry, Hash: item.Hash, Checkpoint: item.Checkpoint}); err != nil {
			return n, err
		}
		n++
	}
	if w == nil {
		return 0, errors.New("there are no events yet")
	}
	return n, w.Close()
}

// opener verifies what a gateway signed.
type opener struct{ receipts, checkpoints proof.Open }

func openers(jwks []byte) (opener, error) {
	docs, err := authz.ReadDocuments(jwks)
	if err != nil {
		return opener{}, fmt.Errorf("the gateway's keys: %w", err)
	}
	return opener{
		receipts:    func(raw string) ([]byte, error) { return docs.Open(authz.PurposeReceipt, proof.ReceiptType, raw) },
		checkpoints: func(raw string) ([]byte, error) { return docs.Open(authz.PurposeLedger, proof.CheckpointType, raw) },
	}, nil
}

func (a *app) verifyCommand() *cobra.Command {
	var keyFile, historyFile, language string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check a receipt or an exported history without the gateway",
		Long: `Check a receipt or a history: its signatures, its hashes, that no event was changed, added, left out
or exchanged. What is wrong is named with its place. With --keys nothing is asked of the gateway: keep
its keys (/oauth2/jwks) beside your receipts. With --history the receipt must stand in that history.`,
		Example: `  countersign consent verify receipt.jws --keys jwks.json
  countersign consent verify receipt.jws --keys jwks.json --history history.jsonl
  countersign consent verify history.jsonl --keys jwks.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := a.verifyKeys(cmd.Context(), keyFile)
			if err != nil {
				return err
			}
			content, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			if bytes.HasPrefix(content, []byte("{")) {
				return a.verifyHistory(args[0], content, keys)
			}
			return a.verifyReceipt(args[0], content, historyFile, language, keys)
		},
	}
	cmd.Flags().StringVar(&keyFile, "keys", "", "the gateway's public keys (default: ask the gateway)")
	cmd.Flags().StringVar(&historyFile, "history", "", "a history the receipt must stand in")
	cmd.Flags().StringVar(&language, "lang", "en", "language of the words: en or de")
	return cmd
}

func (a *app) verifyKeys(ctx context.Context, file string) (opener, error) {
	if file != "" {
		set, err := os.ReadFile(file)
		if err != nil {
			return opener{}, err
		}
		return openers(set)
	}
	c, err := a.client()
	if err != nil {
		return opener{}, err
	}
	set, err := c.KeySet(ctx)
	if err != nil {
		return opener{}, err
	}
	return openers(set)
}

func (a *app) verifyHistory(name string, content []byte, keys opener) error {
	h, err := proof.ReadHistory(bytes.NewReader(content), keys.checkpoints)
	if err != nil {
		return fmt.Errorf("%s is not what the gateway signed: %w", name, err)
	}
	a.say("verified: %d events of %s", len(h.Entries), h.Chain)
	return nil
}

func (a *app) verifyReceipt(name string, content []byte, historyFile, language string, keys opener) error {
	r, err := proof.ReadReceipt(string(content), keys.receipts, keys.checkpoints)
	if err != nil {
		return fmt.Errorf("%s is not what the gateway signed: %w", name, err)
	}
	if historyFile != "" {
		history, err := os.ReadFile(historyFile)
		if err != nil {
			return err
		}
		h, err := proof.ReadHistory(bytes.NewReader(history), keys.checkpoints)
		if err != nil {
			return fmt.Errorf("%s is not what the gateway signed: %w", historyFile, err)
		}
		if err := h.Check(r); err != nil {
			return fmt.Errorf("%s and %s do not fit together: %w", name, historyFile, err)
		}
	}
	a.say("verified: signed by %s, event %d of %s", r.Issuer, r.Ledger.Seq, r.Ledger.Chain)
	return a.printText(r, r.Text(language))
}
