package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"countersign/gateway/wire"
)

// ErrStreamEnded says that a stream ended before its upload did. The upload goes on.
var ErrStreamEnded = errors.New("client: the stream ended before the upload")

// maxEvent bounds a line of a stream.
const maxEvent = 64 << 10

// FollowUpload hands every change of an upload to look until it is finished, and returns
// it as it ended. It is asked for once: whoever is refused can ask with Upload, and lose
// nothing. An error says that it cannot be followed (any longer), not that
// anything became of the upload: ask with Upload then.
func (c *Client) FollowUpload(ctx context.Context, owner Owner, tracking string, look func(wire.Upload)) (wire.Upload, error) {
	call := call{method: http.MethodGet, path: join("v1", "uploads", tracking, "events"), query: owner.query(), once: true}
	resp, err := c.do(ctx, call)
	if err != nil {
		return wire.Upload{}, err
	}
	defer resp.Body.Close() // what is left of a stream is not worth reading
	var up wire.Upload
	event := ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "event":
			event = value
		case "data":
			up = wire.Upload{}
			if err := json.Unmarshal([]byte(value), &up); err != nil {
				return up, fmt.Errorf("client: an event is not what was expected: %w", err)
			}
			if event == "end" {
				return up, nil
			}
			look(up)
		}
	}
	if err := lines.Err(); err != nil {
		return up, unreachable(ctx, err)
	}
	return up, ErrStreamEnded
}
