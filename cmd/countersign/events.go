package main

import (
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"countersign/gateway/wire"
)

// followWait is how long one call for events is held open.
const followWait = 25 * time.Second

func (a *app) eventsCommand() *cobra.Command {
	var after int64
	var limit int
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what happened to your consents and clients, in order and without holes",
		Long: `Show events, the oldest first. Each has a number of your own, from 1 without a hole, so that who has
seen number n has seen everything before it. With --follow new events are shown as they come, until the
command is interrupted; with -o json each is one line then.`,
		Example: `  countersign events
  countersign events --after 120 --follow -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if follow {
				return a.followEvents(cmd, after)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var items []wire.FeedItem
			more := false
			for item, err := range c.AllEvents(cmd.Context(), after) {
				if err != nil {
					return err
				}
				if more = limit > 0 && len(items) == limit; more {
					break
				}
				items = append(items, item)
			}
			a.noteMore(more)
			return a.print(newListing(items, more), func(g *grid) {
				g.row("NUMBER", "AT", "WHAT", "ABOUT", "ID", "BY")
				for _, item := range items {
					eventRow(g, item)
				}
			})
		},
	}
	cmd.Flags().Int64Var(&after, "after", 0, "number of the last event that is known")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on showing new ones")
	bindLimit(cmd, &limit)
	return cmd
}

func eventRow(g *grid, item wire.FeedItem) {
	e := item.Entry
	g.row(item.Seq, e.At, e.Kind, e.Subject, e.SubjectID, e.Actor+" "+e.ActorID)
}

// followEvents shows events as they come.
func (a *app) followEvents(cmd *cobra.Command, after int64) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	out := json.NewEncoder(a.out)
	out.SetEscapeHTML(false)
	for {
		feed, err := c.Events(cmd.Context(), after, 0, followWait)
		if err != nil {
			return err
		}
		for _, item := range feed.Items {
			if a.output == outputJSON {
				err = out.Encode(item)
			} else {
				err = a.print(nil, func(g *grid) { eventRow(g, item) })
			}
			if err != nil {
				return err
			}
		}
		after = feed.Next
	}
}
