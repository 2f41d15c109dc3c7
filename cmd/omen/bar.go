package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// bar is a progress bar on a terminal, and nothing elsewhere.
type bar struct{ p *progressbar.ProgressBar }

func newBar(w io.Writer, what string) bar {
	visible := false
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		visible = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return bar{progressbar.NewOptions(1000,
		progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(visible), progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true))}
}

// at moves the bar to a share of the work, 0…1.
func (b bar) at(share float64) { _ = b.p.Set(int(1000 * min(max(share, 0), 1))) }

// waits says beside the bar what an answer is waited for of; nothing: it goes on.
func (b bar) waits(what string, names []string) {
	if len(names) > 0 {
		what += ", waiting for " + strings.Join(names, ", ")
	}
	b.p.Describe(what)
}

// say writes a line above the bar.
func (b bar) say(w io.Writer, line string) {
	_ = b.p.Clear()
	fmt.Fprintln(w, line)
}

func (b bar) end() { _ = b.p.Finish() }
