package main

import (
	"cmp"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// claim is a port of the node's addresses.
type claim struct {
	protocol v1.Protocol
	port     int32
}

// answer is what one Service gets: the addresses, or the reason why it gets none yet.
type answer struct {
	service *v1.Service
	ingress []v1.LoadBalancerIngress
	pending string
}

// assign decides for all Services at once; where two want a port, the older one has it.
//
// A Service that names a load balancer class belongs to another controller and is left out.
func assign(services []*v1.Service, ingress []v1.LoadBalancerIngress) []answer {
	services = slices.Clone(services)
	slices.SortFunc(services, func(a, b *v1.Service) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(nameOf(a), nameOf(b)))
	})
	owners := map[claim]string{}
	var answers []answer
	for _, service := range services {
		switch {
		case service.Spec.Type != v1.ServiceTypeLoadBalancer:
			answers = append(answers, answer{service: service})
		case service.Spec.LoadBalancerClass == nil && service.DeletionTimestamp == nil:
			answers = append(answers, take(service, ingress, owners))
		}
	}
	return answers
}

// take gives a Service its ports, all or none.
func take(service *v1.Service, ingress []v1.LoadBalancerIngress, owners map[claim]string) answer {
	for _, port := range service.Spec.Ports {
		if owner, taken := owners[claim{port.Protocol, port.Port}]; taken {
			return answer{service: service, pending: fmt.Sprintf("port %d/%s belongs to Service %s", port.Port, port.Protocol, owner)}
		}
	}
	for _, port := range service.Spec.Ports {
		owners[claim{port.Protocol, port.Port}] = nameOf(service)
	}
	return answer{service: service, ingress: ingress}
}

func nameOf(service *v1.Service) string {
	return cache.MetaObjectToName(service).String()
}
