package main

import (
	"io"
	"log/slog"

	"countersign/internal/settings"
)

func (c Config) logger(w io.Writer) (*slog.Logger, error) {
	return settings.Log{Format: c.LogFormat, Level: c.LogLevel}.Open(w)
}
