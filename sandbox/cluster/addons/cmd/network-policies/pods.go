package main

import (
	"net/netip"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"
)

// podInformer is the factory's informer, with look-ups by address that know a pod from its first packet on.
type podInformer struct {
	coreinformers.PodInformer
	pods    netip.Prefix
	runtime *runtime
}

func (p podInformer) Informer() cache.SharedIndexInformer {
	return sharedInformer{SharedIndexInformer: p.PodInformer.Informer(), pods: p.pods, runtime: p.runtime}
}

type sharedInformer struct {
	cache.SharedIndexInformer
	pods    netip.Prefix
	runtime *runtime
}

func (s sharedInformer) GetIndexer() cache.Indexer {
	return indexer{Indexer: s.SharedIndexInformer.GetIndexer(), pods: s.pods, runtime: s.runtime}
}

type indexer struct {
	cache.Indexer
	pods    netip.Prefix
	runtime *runtime
}

// ByIndex returns the pods that hold an address. The controller uses no other index.
//
// A pod's address reaches the API server seconds after its containers run (https://issues.k8s.io/85966), so for an
// address of the pods' range that no object shows yet, the container runtime is asked: it knows the address before it
// starts the first container. If it does not answer, the process ends rather than judge a pod as a stranger.
func (i indexer) ByIndex(name, address string) ([]any, error) {
	found, err := i.Indexer.ByIndex(name, address)
	if err != nil {
		return nil, err
	}
	holders := holdersOf(found)
	if len(holders) > 0 {
		return holders, nil
	}
	if ip, err := netip.ParseAddr(address); err != nil || !i.pods.Contains(ip) {
		return nil, nil
	}
	sandbox, err := i.runtime.sandboxWith(address)
	if err != nil {
		klog.Fatalf("who holds %s? %v", address, err)
	}
	if sandbox == nil {
		return nil, nil
	}
	key := cache.NewObjectName(sandbox.Metadata.Namespace, sandbox.Metadata.Name).String()
	if pod, known, err := i.Indexer.GetByKey(key); err == nil && known {
		return []any{pod}, nil
	}
	// The kubelet's watch was faster than this one. It gives the runtime all of the pod's labels.
	return []any{&v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: sandbox.Metadata.Namespace,
		Name:      sandbox.Metadata.Name,
		Labels:    sandbox.Labels,
	}}}, nil
}

// holdersOf leaves out pods that have ended: their status still shows an address that another pod may hold by now.
func holdersOf(pods []any) []any {
	var holders []any
	for _, object := range pods {
		pod, ok := object.(*v1.Pod)
		if ok && pod.Status.Phase != v1.PodSucceeded && pod.Status.Phase != v1.PodFailed {
			holders = append(holders, pod)
		}
	}
	return holders
}
