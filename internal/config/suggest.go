package config

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// longestWord bounds the work of Suggest; no name of an option or key is as long.
const longestWord = 64

// Suggest is the candidate that word was probably meant to be, or "" when none is near.
// Case and the choice between "-" and "_" cost nothing; of equally near candidates the
// first in alphabetical order wins.
func Suggest(word string, candidates iter.Seq[string]) string {
	length := utf8.RuneCountInString(word)
	if length == 0 || length > longestWord {
		return ""
	}
	// A third of a word may be wrong: more, and unrelated words of one length match.
	best, nearest := "", min(max(length/3, 1), 3)+1
	folded := fold(word)
	for c := range candidates {
		if len(c) > longestWord {
			continue
		}
		d := distance(folded, fold(c))
		if d < nearest || d == nearest && best != "" && c < best {
			best, nearest = c, d
		}
	}
	return best
}

func fold(s string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(s), "-", "_"))
}

// distance counts the letters to insert, drop, replace or swap with their neighbour to
// make b of a.
func distance(a, b []rune) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range above {
		above[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(above[j+1]+1, row[j]+1, above[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// didYouMean is the fix for an unknown word: the nearest candidate, or otherwise.
func didYouMean(word string, candidates iter.Seq[string], otherwise string) string {
	if s := Suggest(word, candidates); s != "" {
		return "did you mean " + s + "?"
	}
	return otherwise
}
