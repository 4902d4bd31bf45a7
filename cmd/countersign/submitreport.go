package main

import (
	"context"
	"path/filepath"

	"countersign/gateway/wire"
)

// report is what became of one file.
type report struct {
	File       string         `json:"file"`
	Tenant     string         `json:"tenant"`
	Batch      string         `json:"batch"`
	RequestID  string         `json:"requestId,omitzero"`
	TrackingID string         `json:"trackingId,omitzero"`
	Continued  bool           `json:"continued"` // an earlier run began it
	State      string         `json:"state,omitzero"`
	DryRun     bool           `json:"dryRun,omitzero"`
	Rows       wire.RowCounts `json:"rows"`
	tally
	ResultFile string   `json:"resultFile,omitzero"`
	ExitCode   int      `json:"exitCode"`
	Error      *failure `json:"error,omitzero"`
}

// submit submits files one after the other and ends with the gravest of their codes.
func (a *app) submit(ctx context.Context, files []string, o submitOptions) error {
	d, err := a.deliver()
	if err != nil {
		return err
	}
	var reports []*report
	ended := takeAll(a, files, func(file string) (int, bool) {
		s := &submitter{delivery: d, options: o, progress: a.progress(filepath.Base(file), "registering")}
		r := s.run(ctx, file)
		reports = append(reports, r)
		return r.ExitCode, r.Error != nil
	})
	if err := a.print(map[string]any{"files": reports}, func(g *grid) { reportTable(g, reports) }); err != nil {
		return err
	}
	return ended
}

// state is the upload's, or says that there is none.
func (r *report) state() string {
	if r.Error != nil && r.TrackingID == "" && r.Error.Reason != "" {
		return "not accepted: " + r.Error.Reason
	}
	return r.State
}

func reportTable(g *grid, reports []*report) {
	for i, r := range reports {
		if i > 0 {
			g.row("")
		}
		g.field("File", r.File)
		g.field("Batch", r.Batch)
		g.field("Upload", r.TrackingID)
		g.field("State", r.state())
		g.field("Result", r.ResultFile)
		if len(r.Outcomes) > 0 {
			g.row("")
			r.table(g)
		}
	}
}
