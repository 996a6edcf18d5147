package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/cert-manager/cert-manager/pkg/controller"
	"github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"golang.org/x/sync/errgroup"

	// Each registers a controller, or an issuer that controllers look up.
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
)

// As in upstream's defaults.
const (
	metricsAddress = "0.0.0.0:9402"
	healthAddress  = "0.0.0.0:9403"
	workers        = 5
	minimumBackoff = time.Hour
	maximumBackoff = 32 * time.Hour
	electionGrace  = 20 * time.Second
	shutdown       = 5 * time.Second
)

var copiedAnnotations = []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"}

func knownControllers() []string {
	return slices.Sorted(maps.Keys(controller.Known()))
}

// run runs the controllers until the context ends or one of them fails.
func run(ctx context.Context, options *options) error {
	group, ctx := errgroup.WithContext(ctx)
	factory, err := controller.NewContextFactory(ctx, options.contextOptions())
	if err != nil {
		return err
	}
	base, err := factory.Build()
	if err != nil {
		return err
	}
	logf.FromContext(ctx).Info("starting", "version", version(), "controllers", options.controllers)

	health, err := listen(ctx, healthAddress)
	if err != nil {
		return err
	}
	group.Go(func() error { return healthz.NewServer(electionGrace).Start(ctx, health) })

	issuing := base.SharedInformerFactory.Certmanager().V1()
	base.Metrics.SetupCertificateCollector(issuing.Certificates().Lister())
	base.Metrics.SetupIssuerCollector(issuing.Issuers().Lister())
	if slices.Contains(options.controllers, clusterissuers.ControllerName) {
		base.Metrics.SetupClusterIssuerCollector(issuing.ClusterIssuers().Lister())
	}
	metrics, err := listen(ctx, metricsAddress)
	if err != nil {
		return err
	}
	serveMetrics(ctx, group, base.Metrics.NewServer(metrics), metrics)

	// All are made before the informers start: each adds what it watches.
	for _, name := range options.controllers {
		made, err := controller.Known()[name](factory)
		if err != nil {
			return fmt.Errorf("controller %s: %w", name, err)
		}
		group.Go(func() error {
			if err := made.Run(workers, ctx); err != nil {
				return fmt.Errorf("controller %s: %w", name, err)
			}
			return nil
		})
	}
	base.SharedInformerFactory.Start(ctx.Done())
	base.KubeSharedInformerFactory.Start(ctx.Done())
	return group.Wait()
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(ctx, "tcp", address)
}

func serveMetrics(ctx context.Context, group *errgroup.Group, server *http.Server, listener net.Listener) {
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
		defer cancel()
		return server.Shutdown(limited)
	})
}
