// Package check has the tests of what is beside it: the container image, the compose file and the Kubernetes manifests, read by the
// types and schemas of their own makers, and the program run as they would run it. It is a module of its own because those bring hundreds
// of packages that nobody else needs.
package check
