package settings

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// Log is how a program logs.
type Log struct {
	Format string // text or json
	Level  string // debug, info, warn or error
}

// Open makes the logger, or says which setting is wrong.
func (l Log) Open(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(l.Level))); err != nil {
		return nil, fmt.Errorf("log_level: %q is not debug, info, warn or error", l.Level)
	}
	opts := &slog.HandlerOptions{Level: level}
	switch l.Format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("log_format: %q is neither text nor json", l.Format)
}

// Check is Open without a logger.
func (l Log) Check() error {
	_, err := l.Open(io.Discard)
	return err
}
