package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// bindPeriod adds --since and --until. what says which moment of a thing is meant.
func bindPeriod(cmd *cobra.Command, since, until *string, what string) {
	cmd.Flags().StringVar(since, "since", "", what+" at or after: a date, a time, today, yesterday, or how long ago (24h, 7d)")
	cmd.Flags().StringVar(until, "until", "", what+" before: as --since")
}

// moment reads a flag that names the begin of something.
func (a *app) moment(flag, text string, into *time.Time) (err error) {
	*into, err = momentAt(time.Now(), flag, text)
	return err
}

// momentAt reads a time, or a date, today or yesterday, which mean its first moment in
// UTC, or how long ago.
func momentAt(now time.Time, flag, text string) (time.Time, error) {
	now = now.UTC()
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch text {
	case "":
		return time.Time{}, nil
	case "today":
		return day, nil
	case "yesterday":
		return day.AddDate(0, 0, -1), nil
	}
	if at, err := time.Parse(time.DateOnly, text); err == nil {
		return at, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	if ago, ok := duration(text); ok {
		return now.Add(-ago), nil
	}
	return time.Time{}, fmt.Errorf("--%s: %q is none of a date (2027-03-31), a time (2027-03-31T18:00:00+02:00), today, yesterday or how long ago (24h, 7d)", flag, text)
}

// duration reads Go's form, and days.
func duration(text string) (time.Duration, bool) {
	var days uint16
	if n, err := fmt.Sscanf(text, "%dd", &days); n == 1 && err == nil && fmt.Sprintf("%dd", days) == text {
		return time.Duration(days) * 24 * time.Hour, true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}
