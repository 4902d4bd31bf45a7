package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"countersign/gateway/wire"
)

// Foresee asks what a submission would become and hands each row to look, in input order,
// as it would end. Nothing is registered or kept; the device budget is spent. What would
// refuse the submission is the error.
func (c *Client) Foresee(ctx context.Context, s Submission, look func(wire.UploadRow) error) (wire.ForecastCounts, error) {
	call, err := s.call()
	if err != nil {
		return wire.ForecastCounts{}, err
	}
	call.method, call.repeatable = http.MethodPost, true
	call.header.Add("Prefer", "validate-only")
	resp, err := c.do(ctx, call)
	if err != nil {
		return wire.ForecastCounts{}, err
	}
	defer finish(resp.Response)
	if resp.StatusCode != http.StatusOK {
		return wire.ForecastCounts{}, fmt.Errorf("client: the gateway does not validate; it answered %d and may have taken the upload", resp.StatusCode)
	}
	counts, err := forecast(json.NewDecoder(resp.Body), look)
	if err != nil {
		return counts, fmt.Errorf("client: the answer broke off, or is not what was expected: %w", err)
	}
	return counts, nil
}

// forecast reads a wire.Forecast row by row.
func forecast(dec *json.Decoder, look func(wire.UploadRow) error) (counts wire.ForecastCounts, err error) {
	if _, err := dec.Token(); err != nil {
		return counts, err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return counts, err
		}
		switch name {
		case "items":
			err = eachRow(dec, look)
		case "rows":
			err = dec.Decode(&counts)
		default:
			var other any
			err = dec.Decode(&other)
		}
		if err != nil {
			return counts, err
		}
	}
	_, err = dec.Token()
	return counts, err
}

func eachRow(dec *json.Decoder, look func(wire.UploadRow) error) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		var row wire.UploadRow
		if err := dec.Decode(&row); err != nil {
			return err
		}
		if err := look(row); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}
