// Package mutants shows that the tests would notice a broken guarantee. Each file
// of testdata is a small patch to production code that takes one guarantee away
// and names the test that must fail for it; make mutants tries them all. A patch
// is applied to a copy of the file, which takes the file's place while the test is
// built: the working tree is never touched.
package mutants
