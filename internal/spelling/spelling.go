// Package spelling says what somebody wrote in a file, and guesses which of some known
// words, such as its keys, they meant who wrote another one.
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

// edits is how many letters must be put in, taken out, changed or swapped with the
// next one to make b of a (Levenshtein distance with adjacent transpositions).
func edits(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
