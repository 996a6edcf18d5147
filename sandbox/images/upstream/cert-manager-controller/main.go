// Command cert-manager-controller is cert-manager's controller as far as the sandbox needs it: self-signed and CA
// issuers, in a cluster, one replica. Upstream's own command is a nested module that no proxy serves; the controllers
// here are upstream's. What it cannot do, it refuses at the start, so that a manifest for it holds for upstream's image.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/cert-manager/cert-manager/pkg/util"
	"github.com/spf13/pflag"
)

const upstream = "github.com/cert-manager/cert-manager"

func main() {
	util.AppVersion = version()
	options, err := parse(os.Args[1:])
	if errors.Is(err, pflag.ErrHelp) {
		return
	}
	if err == nil {
		err = serve(options)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "cert-manager controller: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
		os.Exit(1)
	}
}

func serve(options *options) error {
	logf.InitLogs()
	defer logf.FlushLogs()
	if err := logf.ValidateAndApply(options.logging); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := run(logf.NewContext(ctx, logf.Log, "controller"), options)
	if ctx.Err() != nil {
		return nil // what an ending program did not finish is no failure
	}
	return err
}

// version is that of the module whose controllers are in this program.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == upstream {
				return module.Version
			}
		}
	}
	return "unknown"
}
