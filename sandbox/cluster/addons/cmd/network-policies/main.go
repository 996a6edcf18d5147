// Command network-policies enforces NetworkPolicies on the node: it gives the verdict on every new connection from or
// to a pod that the node's firewall puts into a netfilter queue.
//
// The decisions are kube-network-policies' own. Its command is not used for four reasons: it takes in-cluster
// credentials only, it lives on without reading the queue when its controller fails, it ignores SIGTERM, and it
// takes a pod whose address the API server has not published yet for a stranger, whose egress nobody restricts.
//
// It fails closed: while it is down nobody reads the queue and the kernel drops what it would queue there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os/signal"
	"syscall"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

type options struct {
	kubeconfig string
	node       string
	queue      int
	pods       netip.Prefix
	runtime    string
}

func main() {
	var o options
	flag.StringVar(&o.kubeconfig, "kubeconfig", "", "identity that may list and watch pods, namespaces and networkpolicies")
	flag.StringVar(&o.node, "node", "", "name of this machine's Node object")
	flag.IntVar(&o.queue, "queue", 100, "number of the netfilter queue")
	flag.TextVar(&o.pods, "pod-cidr", netip.Prefix{}, "range of the pods' addresses")
	flag.StringVar(&o.runtime, "runtime", "", "address of the container runtime's CRI socket (unix://...)")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil && ctx.Err() == nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	config, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	runtime, err := newRuntime(o.runtime)
	if err != nil {
		return fmt.Errorf("connecting to the container runtime: %w", err)
	}
	defer runtime.close()

	factory := informers.NewSharedInformerFactory(client, 0)
	controller, err := networkpolicy.NewController(
		client,
		factory.Networking().V1().NetworkPolicies(),
		factory.Core().V1().Namespaces(),
		podInformer{PodInformer: factory.Core().V1().Pods(), pods: o.pods, runtime: runtime},
		nil, nil, nil, nil, // nodes and the admin policies, which are another API
		networkpolicy.Config{NodeName: o.node, QueueID: o.queue},
	)
	if err != nil {
		return fmt.Errorf("making the controller: %w", err)
	}
	factory.Start(ctx.Done())
	if err := controller.Run(ctx); err != nil {
		return fmt.Errorf("running the controller: %w", err)
	}
	return errors.New("the controller ended")
}
