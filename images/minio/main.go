// Command minio is MinIO's server behind a guard: what its last source is known to get wrong never reaches it.
package main

import (
	"fmt"
	"os"
	_ "unsafe" // go:linkname

	"github.com/minio/minio/cmd"
	"github.com/minio/mux"
)

// What every request of MinIO's passes through, in this order. It is not exported; a version that names it otherwise
// leaves ours empty.
//
//go:linkname middlewares github.com/minio/minio/cmd.globalMiddlewares
var middlewares []mux.MiddlewareFunc

func main() {
	if len(middlewares) == 0 {
		fmt.Fprintln(os.Stderr, "minio: this version has no such middlewares: the guard would not be asked")
		os.Exit(1)
	}
	middlewares = append([]mux.MiddlewareFunc{guard}, middlewares...)
	cmd.Main(os.Args)
}
