//go:build tools

// Package helm pins the Helm that the end-to-end suite builds: go.sum holds the hash of every source.
package helm

import _ "helm.sh/helm/v3/cmd/helm"
