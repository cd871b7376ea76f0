// Package token keeps bearer tokens: it reads them from files, reads a file again when it has changed, and compares in
// a time that does not depend on where two tokens differ.
//
// A token file holds one token a line, or a name and a token with a space between: the name is what logs show. Empty
// lines and lines that begin with # are passed over.
//
// A file that was deleted, emptied or made unreadable closes what it opened: nobody gets in by it until it is there
// again. That is how a token is taken back, so the last good one is never kept.
//
//	file.go  one reading of a file
//	set.go   the tokens of one role, followed while the server runs
package token
