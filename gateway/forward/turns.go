package forward

import (
	"sync"

	"countersign/models"
)

// ranks are the parties that take turns, each within the one before: partners (a tenant's
// own uploads are those of one partner without a name), their tenants, clients, uploads.
var ranks = []string{"partner_id", "tenant_id", "client_id", "upload_id"}

// turnsKept bounds what is remembered of who was served. Beyond it everybody starts
// anew, which is unfair once.
const turnsKept = 10_000

// turns remembers who was served last, of this process: however long one queue is, the
// next of another partner, tenant, client or upload waits for one dispatch of each
// other, not for the queue.
type turns struct {
	mu   sync.Mutex
	last map[string]string // by the path to a rank: the value that was served there
}

// next is the dispatch whose turn it is among those due; nil without any.
func (t *turns) next(due *queue) (*models.Dispatch, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) > turnsKept || t.last == nil {
		t.last = map[string]string{}
	}
	path := ""
	for _, rank := range ranks {
		var last *string
		if served, ok := t.last[path]; ok {
			last = &served
		}
		value, found, err := due.firstAfter(rank, last)
		if err != nil || !found {
			return nil, err
		}
		t.last[path] = value
		due = due.of(rank, value)
		path += "/" + value
	}
	return due.oldest()
}
