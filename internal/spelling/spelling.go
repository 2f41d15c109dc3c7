// Package spelling guesses what somebody meant to write.
package spelling

import "strings"

// Nearest is the known word that text was probably meant to be, or "": at most
// a third of its letters may differ. Upper and lower case are the same.
func Nearest(text string, known []string) string {
	best, distance := "", max(1, len(text)/3)+1
	for _, k := range known {
		if d := edits(strings.ToLower(text), strings.ToLower(k)); d < distance {
			best, distance = k, d
		}
	}
	return best
}

// edits is how many letters must be put in, taken out or changed to make b of
// a (Levenshtein distance).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
