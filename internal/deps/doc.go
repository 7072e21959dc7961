// Package deps holds the rules of who may import whom, and what the module consists of, as tests.
package deps
