// Package browsertest opens pages in a real, headless Chromium and says what happened:
// which addresses were asked for, what the console complained about, what a policy
// blocked, and what axe-core finds wrong for people with disabilities.
//
// A missing browser fails the test; nothing is skipped. make setup installs one.
package browsertest
