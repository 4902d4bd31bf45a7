// Package devicefile reads the files people submit and writes them back with the
// outcome of every row beside it. It cuts a CSV into rows by the rules of the
// gateway's reader, because outcomes are told by row number; a serial number that
// comes back different stops the writing.
//
// It sends nothing and decides nothing about devices.
package devicefile
