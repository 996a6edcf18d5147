package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cert-manager/cert-manager/pkg/controller"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
	"github.com/spf13/pflag"
	logsapi "k8s.io/component-base/logs/api/v1"
)

// options are the flags, a part of upstream's.
type options struct {
	clusterResourceNamespace string
	controllers              []string
	ownerRef                 bool
	logging                  *logsapi.LoggingConfiguration
}

func parse(arguments []string) (*options, error) {
	known := knownControllers()
	parsed := &options{logging: logsapi.NewLoggingConfiguration()}
	flags := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() { fmt.Printf("cert-manager controller %s\n%s", version(), flags.FlagUsages()) }
	flags.StringSliceVar(&parsed.controllers, "controllers", nil,
		"controllers to run, of: "+strings.Join(known, ", "))
	flags.StringVar(&parsed.clusterResourceNamespace, "cluster-resource-namespace", "kube-system",
		"namespace of the Secrets that ClusterIssuers refer to")
	flags.BoolVar(&parsed.ownerRef, "enable-certificate-owner-ref", false,
		"a Certificate owns its Secret, which goes when the Certificate does")
	elect := flags.Bool("leader-elect", true, "has to be false: this build runs as one replica")
	var all pflag.FlagSet
	logf.AddFlagsNonDeprecated(parsed.logging, &all)
	flags.AddFlag(all.Lookup("v"))
	if err := flags.Parse(arguments); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument: %s", flags.Arg(0))
	}
	if *elect {
		return nil, errors.New("--leader-elect=false is needed: this build elects no leader")
	}
	if len(parsed.controllers) == 0 {
		return nil, fmt.Errorf("--controllers is needed: this build has no more than %s", strings.Join(known, ","))
	}
	slices.Sort(parsed.controllers)
	parsed.controllers = slices.Compact(parsed.controllers)
	for _, name := range parsed.controllers {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--controllers: no %q in this build, which has %s", name, strings.Join(known, ","))
		}
	}
	return parsed, nil
}

// contextOptions are upstream's defaults where there is no flag.
func (o *options) contextOptions() controller.ContextOptions {
	return controller.ContextOptions{
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		IssuerOptions:      controller.IssuerOptions{ClusterResourceNamespace: o.clusterResourceNamespace},
		CertificateOptions: controller.CertificateOptions{
			EnableOwnerRef:                           o.ownerRef,
			CopiedAnnotationPrefixes:                 copiedAnnotations,
			CertificateRequestMinimumBackoffDuration: minimumBackoff,
			CertificateRequestMaximumBackoffDuration: maximumBackoff,
		},
	}
}
