package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/pphunt/pphunt/cbc"
)

// isLink tells whether another file is behind the path. On Windows what a cloud keeps a copy of looks so, too, and is deleted with it.
func (w *containing) isLink() bool {
	return w.listed != nil && w.listed.IsLink() && strings.HasPrefix(w.Path, "/")
}

// verifyAgain compares the file once more if it was changed since: killing takes its time.
func (w *containing) verifyAgain(ctx context.Context) (bool, error) {
	if w.listed == nil {
		return true, nil
	}
	was := *w.listed
	now, there, err := fileAt(ctx, w.s, w.Path, w.t.OS)
	if err == nil && (!there || now.Size == was.Size && now.Created.Equal(was.Created) && now.Modified.Equal(was.Modified)) {
		return true, nil
	}
	found, err := w.verify(ctx)
	w.Unclear = w.Unclear || found == beyond
	return found == condemned && err == nil, err
}

// remove deletes the file and looks whether it is gone.
func (w *containing) remove(ctx context.Context) error {
	err := w.s.DeleteFile(ctx, w.Path)
	switch {
	case errors.Is(err, cbc.ErrFileNotFound):
		w.missing()
		return nil
	case err != nil && w.wentAway(ctx, err):
		w.note("the answer to the deletion was lost")
	case err != nil:
		return fmt.Errorf("actions: deleting the file: %w", err)
	}
	w.Deleted = true
	w.note("deleted %s", w.Path)
	_, there, err := fileAt(ctx, w.s, w.Path, w.t.OS)
	if err != nil {
		there, err = canBeFetched(ctx, w.s, w.Path)
	}
	switch {
	case err != nil:
		return fmt.Errorf("actions: whether the file is gone could not be seen: %w", err)
	case there:
		w.Deleted = false
		return fmt.Errorf("actions: the file %s is still there after it was deleted", w.Path)
	}
	if len(w.aimed) == 0 {
		return nil
	}
	// What started it again in between had the file still.
	if back, err := w.cameBack(ctx); err != nil || len(back) > 0 {
		return errors.Join(err, stillRuns(back))
	}
	return nil
}

// wentAway tells whether a deletion was carried out that ended with an error: the device did not refuse it, and a file that was in the
// list of its directory is not any more.
func (w *containing) wentAway(ctx context.Context, err error) bool {
	if _, told := errors.AsType[*cbc.CommandError](err); told && !errors.Is(err, cbc.ErrUnfinished) || w.listed == nil {
		return false
	}
	_, there, err := fileAt(ctx, w.s, w.Path, w.t.OS)
	return err == nil && !there
}

// missing notes that there is no file at the path, which means little on a machine that tells upper from lower case if nobody has
// told the case.
func (w *containing) missing() {
	if !w.spelledBeside() {
		w.note("the file is gone")
	}
}

// spelledBeside notes that what is not at the path may be beside it.
func (w *containing) spelledBeside() bool {
	if w.t.OS != "LINUX" || w.seen {
		return false
	}
	w.Unclear = true
	w.note("the condemned file is not at %s, but searches tell paths in lower case: look for one with capital letters", w.Path)
	return true
}
