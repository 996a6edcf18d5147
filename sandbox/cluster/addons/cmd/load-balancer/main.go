// Command load-balancer does for Services of type LoadBalancer what a cloud's controller does: it gives them an address.
// Here all of them share the node's addresses, so a port serves one Service: a second one that asks for it stays pending
// and an event of it says why. kube-proxy makes the rules that answer on the addresses.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os/signal"
	"strings"
	"syscall"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "identity that may list and watch services, update their status and write events")
	addresses := flag.String("addresses", "", "comma-separated addresses of the node")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *kubeconfig, *addresses); err != nil {
		klog.Fatal(err)
	}
}

func run(ctx context.Context, kubeconfig, addresses string) error {
	ingress, err := parseIngress(addresses)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading the kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client: %w", err)
	}
	events := record.NewBroadcaster(record.WithContext(ctx))
	defer events.Shutdown()
	events.StartRecordingToSink(&corev1.EventSinkImpl{Interface: client.CoreV1().Events("")})

	factory := informers.NewSharedInformerFactory(client, 0)
	c, err := newController(
		client.CoreV1(),
		factory.Core().V1().Services(),
		events.NewRecorder(scheme.Scheme, v1.EventSource{Component: "load-balancer"}),
		ingress,
	)
	if err != nil {
		return fmt.Errorf("making the controller: %w", err)
	}
	factory.Start(ctx.Done())
	return c.run(ctx)
}

func parseIngress(addresses string) ([]v1.LoadBalancerIngress, error) {
	// What the API server would fill in: kube-proxy is to answer on the address itself.
	mode := v1.LoadBalancerIPModeVIP
	var ingress []v1.LoadBalancerIngress
	for _, text := range strings.Split(addresses, ",") {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("-addresses: %w", err)
		}
		ingress = append(ingress, v1.LoadBalancerIngress{IP: address.String(), IPMode: &mode})
	}
	return ingress, nil
}
