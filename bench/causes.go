package bench

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/omenhq/omen"
)

// readCauses adds the blamed features of causes.txt to the segments: each line
// "start-end:m,m,…" counts for every labelled segment that it overlaps (row
// indexes into test from 0, both ends included; metric columns from 1). Some
// sets write the end one sample late; it may therefore be one past the last
// row. A missing file means that nobody knows the causes.
func readCauses(path string, s *Series) error {
	err := eachLine(path, func(_ int, text string) error {
		start, end, blamed, err := parseCause(text, len(s.Test), len(s.Features))
		if err != nil {
			return err
		}
		hit := false
		for i := range s.Segments {
			if g := &s.Segments[i]; g.Start <= end && start <= g.End {
				hit = true
				g.Blamed = append(g.Blamed, blamed...)
			}
		}
		if !hit {
			return fmt.Errorf("no sample of %d-%d is labelled", start, end)
		}
		return nil
	})
	for i := range s.Segments {
		slices.Sort(s.Segments[i].Blamed)
		s.Segments[i].Blamed = slices.Compact(s.Segments[i].Blamed)
	}
	return err
}

// eachLine calls read for each line of a file that is not blank, with its
// number, until it refuses one: the error then names the place. A missing file
// has no lines.
func eachLine(path string, read func(n int, text string) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		if err := read(n, text); err != nil {
			return fmt.Errorf("read %s:%d: %w: %w", path, n, err, omen.ErrInvalid)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func parseCause(text string, rows, features int) (start, end int, blamed []int, err error) {
	span, list, ok := strings.Cut(text, ":")
	from, to, ok2 := strings.Cut(span, "-")
	if !ok || !ok2 {
		return 0, 0, nil, fmt.Errorf("%q is not start-end:metric,metric", text)
	}
	if start, err = strconv.Atoi(strings.TrimSpace(from)); err != nil {
		return 0, 0, nil, fmt.Errorf("start %q is not a row number", from)
	}
	if end, err = strconv.Atoi(strings.TrimSpace(to)); err != nil {
		return 0, 0, nil, fmt.Errorf("end %q is not a row number", to)
	}
	if start < 0 || end < start || end > rows {
		return 0, 0, nil, fmt.Errorf("span %d-%d is outside the test rows 0-%d", start, end, rows-1)
	}
	for cell := range strings.SplitSeq(list, ",") {
		m, err := strconv.Atoi(strings.TrimSpace(cell))
		if err != nil {
			return 0, 0, nil, fmt.Errorf("metric %q is not a column number", cell)
		}
		if m < 1 || m > features {
			return 0, 0, nil, fmt.Errorf("metric %d is outside the columns 1-%d", m, features)
		}
		blamed = append(blamed, m-1)
	}
	return start, end, blamed, nil
}
