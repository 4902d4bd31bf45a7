package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/cmd/countersign/internal/atomicfile"
	"countersign/cmd/countersign/internal/dropfolder"
	"countersign/cmd/countersign/internal/pending"
	"countersign/gateway/client"
	"countersign/gateway/wire"
	"countersign/internal/pause"
)

// How long a file waits before it is tried again.
const (
	firstRetry = 30 * time.Second
	lastRetry  = time.Hour
)

// watcher submits what appears in a folder.
type watcher struct {
	*delivery
	options watchOptions
	folder  *dropfolder.Folder
	later   map[string]retry // by path
}

type retry struct {
	at    time.Time
	pause time.Duration
}

func (a *app) watch(ctx context.Context, dir string, o watchOptions) error {
	d, err := a.deliver()
	if err != nil {
		return err
	}
	folder, err := dropfolder.Open(dir)
	if err != nil {
		return err
	}
	w := &watcher{delivery: d, options: o, folder: folder, later: map[string]retry{}}
	if o.once {
		return w.once(ctx)
	}
	a.say("watching %s", plain(dir))
	for {
		if _, err := w.round(ctx); err != nil && ctx.Err() == nil {
			a.tell(err) // a disk that is away may come back
		}
		if pause.For(ctx, o.interval) != nil {
			return nil
		}
	}
}

// once ends with the gravest code of a file.
func (w *watcher) once(ctx context.Context) error {
	code, err := w.round(ctx)
	if err == nil && code != exitDone {
		err = &outcomeError{code}
	}
	return err
}

// round takes every file that is whole and not put off.
func (w *watcher) round(ctx context.Context) (code int, err error) {
	found, err := w.folder.Waiting(time.Now().Add(-w.options.quiet))
	if err != nil {
		return exitOther, err
	}
	for _, file := range found {
		if ctx.Err() != nil {
			return worse(code, exitInterrupted), nil
		}
		if time.Now().Before(w.later[file.Path].at) {
			continue
		}
		got, err := w.take(ctx, file)
		if err != nil {
			w.app.tell(fmt.Errorf("%s: %w", file.Name(), err))
			got = worse(got, exitOther)
			w.putOff(file)
		}
		code = worse(code, got)
	}
	return code, nil
}

// take submits one file and files it by what came of it.
func (w *watcher) take(ctx context.Context, file dropfolder.File) (code int, err error) {
	o := w.options.submitOptions
	if file.Of != "" {
		o.tenant = file.Of
	}
	if o.tenant == "" {
		return exitOther, w.refuse(file, errors.New("it lies in no customer's folder, and the watch has no --tenant"))
	}
	if w.options.dated {
		stem := strings.TrimSuffix(file.Name(), filepath.Ext(file.Name()))
		o.batch = stem + file.Changed.UTC().Format(" 2006-01-02 150405Z")
	}
	o.result = hiddenResult(file.Path)
	s := &submitter{delivery: w.delivery, options: o, progress: w.app.progress(file.Name(), "registering")}
	r := s.run(ctx, file.Path)
	switch {
	case ctx.Err() != nil, errors.Is(s.failure, pending.ErrBusy), errors.Is(s.failure, fs.ErrNotExist):
		return r.ExitCode, nil // the next run, or the other process, goes on
	case s.failure == nil && r.ExitCode == exitUnreachable, s.failure != nil && passes(s.failure):
		if time.Since(file.Changed) < w.options.giveUp {
			w.putOff(file)
			return r.ExitCode, nil
		}
		return r.ExitCode, w.refuse(file, errors.Join(fmt.Errorf("given up after %s", w.options.giveUp), s.failure))
	case s.failure != nil:
		return r.ExitCode, w.refuse(file, s.failure)
	}
	to := dropfolder.Done
	if r.ExitCode != exitDone {
		to = dropfolder.Failed
	}
	return r.ExitCode, w.move(file, to, ".result."+string(s.info.Kind), o.result)
}

// passes tells failures that may pass by themselves: the network, the gateway, budgets, our
// own credentials, a customer that has not agreed yet, a disk.
func passes(err error) bool {
	var refusal *client.APIError
	if errors.As(err, &refusal) {
		code := refusalCode(refusal)
		return code == exitUnreachable || code == exitCustomer || refusal.Status == 429 || refusal.Status == 401 ||
			refusal.Status == 403 && refusal.NextActor == wire.ActorOperator
	}
	var oauth *client.OAuthError
	var lost *client.UnreachableError
	var untrusted *client.UntrustedError
	var proxy *client.ProxyError
	var disk *fs.PathError
	return errors.As(err, &oauth) || errors.As(err, &lost) || errors.As(err, &untrusted) || errors.As(err, &proxy) ||
		errors.As(err, &disk) || errors.Is(err, context.DeadlineExceeded)
}

// putOff tries the file again later, each time after twice as long.
func (w *watcher) putOff(file dropfolder.File) {
	pause := min(max(2*w.later[file.Path].pause, firstRetry), lastRetry)
	w.later[file.Path] = retry{time.Now().Add(pause), pause}
	w.app.say("%s: tried again in %s", plain(file.Name()), pause)
}

// refuse files a file of which nothing was accepted, with the reason.
func (w *watcher) refuse(file dropfolder.File, cause error) error {
	note := hiddenResult(file.Path)
	err := atomicfile.Write(note, 0o644, func(out io.Writer) error {
		_, err := fmt.Fprintln(out, strings.Join(append([]string{plain(sentenceOf(cause))}, advice(cause)...), "\n"))
		return err
	})
	if err != nil {
		return err
	}
	return w.move(file, dropfolder.Failed, ".error.txt", note)
}

// move files a file with what was written about it. The file itself goes before its book:
// without one it would be a new submission.
func (w *watcher) move(file dropfolder.File, to, ending, note string) error {
	place, err := w.folder.Place(to, file)
	if err != nil {
		return err
	}
	if err := os.Rename(file.Path, place); err != nil {
		return err
	}
	delete(w.later, file.Path)
	stem := strings.TrimSuffix(place, filepath.Ext(place))
	w.app.say("%s: %s", plain(file.Name()), to)
	return errors.Join(os.Rename(note, stem+ending), renameIfThere(pending.PathFor(file.Path), pending.PathFor(place)))
}

func renameIfThere(from, to string) error {
	if err := os.Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// hiddenResult is where a result is written before its file is moved: a name that is never
// taken for a file of devices.
func hiddenResult(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".result")
}
