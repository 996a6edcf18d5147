package main

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// answerTime bounds one question to the container runtime: the connection that caused it waits meanwhile.
const answerTime = 2 * time.Second

// runtime asks the container runtime which pod holds an address. It is used by one goroutine, the queue's.
type runtime struct {
	connection *grpc.ClientConn
	client     cri.RuntimeServiceClient
	addresses  map[string]string // by sandbox id; a sandbox keeps its address for life
}

func newRuntime(address string) (*runtime, error) {
	// No credentials: it is a socket that only root may open.
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &runtime{
		connection: connection,
		client:     cri.NewRuntimeServiceClient(connection),
		addresses:  map[string]string{},
	}, nil
}

func (r *runtime) close() {
	_ = r.connection.Close() // the process is about to end
}

// sandboxWith returns the running sandbox (the namespaces of a pod) that holds the address, or nil.
func (r *runtime) sandboxWith(address string) (*cri.PodSandbox, error) {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	ready := &cri.PodSandboxFilter{State: &cri.PodSandboxStateValue{State: cri.PodSandboxState_SANDBOX_READY}}
	listed, err := r.client.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{Filter: ready})
	if err != nil {
		return nil, fmt.Errorf("listing sandboxes: %w", err)
	}
	current := make(map[string]string, len(listed.Items))
	var holder *cri.PodSandbox
	for _, sandbox := range listed.Items {
		held, err := r.addressOf(ctx, sandbox.Id)
		if status.Code(err) == codes.NotFound {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("status of sandbox %s: %w", sandbox.Id, err)
		}
		current[sandbox.Id] = held
		if held == address {
			holder = sandbox
		}
	}
	r.addresses = current
	return holder, nil
}

// addressOf returns a sandbox's address; it is empty where the pod uses the node's network.
func (r *runtime) addressOf(ctx context.Context, id string) (string, error) {
	if held, known := r.addresses[id]; known {
		return held, nil
	}
	answer, err := r.client.PodSandboxStatus(ctx, &cri.PodSandboxStatusRequest{PodSandboxId: id})
	if err != nil {
		return "", err
	}
	return answer.GetStatus().GetNetwork().GetIp(), nil
}
