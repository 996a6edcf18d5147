package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	coreinformers "k8s.io/client-go/informers/core/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

// controller holds the status of all Services to what assign says.
//
// One change can free a port for another Service, so the queue has a single key: all Services.
type controller struct {
	client   corev1.ServicesGetter
	services listers.ServiceLister
	synced   cache.InformerSynced
	events   record.EventRecorder
	ingress  []v1.LoadBalancerIngress
	queue    workqueue.TypedRateLimitingInterface[struct{}]
}

func newController(
	client corev1.ServicesGetter,
	services coreinformers.ServiceInformer,
	events record.EventRecorder,
	ingress []v1.LoadBalancerIngress,
) (*controller, error) {
	c := &controller{
		client:   client,
		services: services.Lister(),
		synced:   services.Informer().HasSynced,
		events:   events,
		ingress:  ingress,
		queue:    workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[struct{}]()),
	}
	_, err := services.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { c.queue.Add(struct{}{}) },
		UpdateFunc: func(any, any) { c.queue.Add(struct{}{}) },
		DeleteFunc: func(any) { c.queue.Add(struct{}{}) },
	})
	return c, err
}

// run works until the context ends.
func (c *controller) run(ctx context.Context) error {
	if !cache.WaitForCacheSync(ctx.Done(), c.synced) {
		return nil // asked to stop before the first list
	}
	context.AfterFunc(ctx, c.queue.ShutDown)
	for {
		key, shutdown := c.queue.Get()
		if shutdown {
			return nil
		}
		if err := c.reconcile(ctx); err != nil {
			klog.Error(err)
			c.queue.AddRateLimited(key)
		} else {
			c.queue.Forget(key)
		}
		c.queue.Done(key)
	}
}

func (c *controller) reconcile(ctx context.Context) error {
	services, err := c.services.List(labels.Everything())
	if err != nil {
		return fmt.Errorf("listing services: %w", err)
	}
	var failures []error
	for _, answer := range assign(services, c.ingress) {
		if answer.pending != "" {
			c.events.Event(answer.service, v1.EventTypeWarning, "SyncLoadBalancerFailed", answer.pending)
		}
		failures = append(failures, c.write(ctx, answer))
	}
	return errors.Join(failures...)
}

// write puts the answer into the Service's status, if it says something else.
func (c *controller) write(ctx context.Context, a answer) error {
	if slices.EqualFunc(a.service.Status.LoadBalancer.Ingress, a.ingress, sameAddress) {
		return nil
	}
	service := a.service.DeepCopy()
	service.Status.LoadBalancer.Ingress = a.ingress
	_, err := c.client.Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return fmt.Errorf("status of service %s: %w", nameOf(service), err)
	}
	klog.InfoS("gave addresses", "service", klog.KObj(service), "count", len(a.ingress))
	return nil
}

func sameAddress(a, b v1.LoadBalancerIngress) bool {
	return a.IP == b.IP && a.Hostname == b.Hostname
}
