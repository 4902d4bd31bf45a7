package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"countersign/internal/admin"
)

// adminCommand groups operators' commands.
func adminCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "admin",
		Short: "Create and stop partners, tenants and clients",
		Long: `Operators' commands. They speak to the running server over the socket in the data
directory, and open the database themselves only when no server runs.`,
	}
	cmd.PersistentFlags().StringP("output", "o", "table", "table or json")
	cmd.AddCommand(partnerCommands(env), tenantCommands(env), clientCommands(env), grantCommands(env), linkCommands(env), dispatchCommands(env), deviceCommands(env))
	return cmd
}

// operate runs one named operation and prints what it shows.
func operate(cmd *cobra.Command, env environment, name string, input any) error {
	format, _ := cmd.Flags().GetString("output")
	if format != "table" && format != "json" {
		return fmt.Errorf("--output is table or json, not %q", format)
	}
	c, err := loadConfig(cmd.Flags(), env.environ)
	if err != nil {
		return err
	}
	out, err := admin.Call(cmd.Context(), c.socketPath(), name, input)
	if errors.Is(err, admin.ErrNoServer) {
		out, err = operateAlone(cmd.Context(), c, name, input)
	}
	if err != nil {
		return err
	}
	if format == "json" {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), string(out))
		return err
	}
	return printTable(cmd.OutOrStdout(), out)
}

// operateAlone opens the database because no server runs.
func operateAlone(ctx context.Context, c Config, name string, input any) (json.RawMessage, error) {
	c.LogLevel = "warn"
	log, err := c.logger(os.Stderr)
	if err != nil {
		return nil, err
	}
	d, err := c.openDatabases(ctx, log)
	if err != nil {
		return nil, err
	}
	s, err := join(c, d, nil, log)
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	out, err := operations(s).Run(ctx, name, input)
	return out, errors.Join(err, s.close(), d.close())
}

// printTable shows a list as a table and one object as lines of name and value,
// in the order of the JSON.
func printTable(w io.Writer, out json.RawMessage) error {
	var list struct {
		Items      []json.RawMessage `json:"items"`
		NextCursor string            `json:"nextCursor"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	if list.Items == nil {
		for _, m := range membersOf(out) {
			fmt.Fprintf(tw, "%s\t%s\n", m.name, m.value)
		}
		return tw.Flush()
	}
	columns := columnsOf(list.Items)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(columns, "\t")))
	for _, item := range list.Items {
		values := map[string]string{}
		for _, m := range membersOf(item) {
			values[m.name] = m.value
		}
		for _, c := range columns {
			fmt.Fprintf(tw, "%s\t", values[c])
		}
		fmt.Fprintln(tw)
	}
	if list.NextCursor != "" {
		fmt.Fprintf(tw, "more: --cursor %s\n", list.NextCursor)
	}
	return tw.Flush()
}

type member struct{ name, value string }

// membersOf reads an object's members in order; values are shown as plain text.
func membersOf(object json.RawMessage) []member {
	dec := json.NewDecoder(strings.NewReader(string(object)))
	dec.UseNumber()
	var out []member
	if _, err := dec.Token(); err != nil {
		return nil
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return out
		}
		var value any
		if err := dec.Decode(&value); err != nil {
			return out
		}
		out = append(out, member{fmt.Sprint(name), show(value)})
	}
	return out
}

func show(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	words := make([]string, len(list))
	for i, v := range list {
		words[i] = fmt.Sprint(v)
	}
	return strings.Join(words, ",")
}

// columnsOf is every member name of the items, in order of first appearance.
func columnsOf(items []json.RawMessage) []string {
	var columns []string
	seen := map[string]bool{}
	for _, item := range items {
		for _, m := range membersOf(item) {
			if !seen[m.name] {
				seen[m.name] = true
				columns = append(columns, m.name)
			}
		}
	}
	return columns
}
