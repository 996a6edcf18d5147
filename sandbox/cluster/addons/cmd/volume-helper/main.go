// Command volume-helper makes and removes the folders of local-path-provisioner's volumes. It is the one program in
// the image of the provisioner's helper pods, started as setup and teardown command:
//
//	volume-helper -p FOLDER -s BYTES -m MODE -a create|delete
//
// The folder belongs to root and only root may write to it, as on a freshly made file system of a cloud's volume: a pod
// that does not run as root gets at it by its fsGroup. The size is not enforced.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	folder := flag.String("p", "", "the volume's folder")
	flag.String("s", "", "asked size in bytes")
	flag.String("m", "", "volume mode")
	action := flag.String("a", "", "create or delete")
	flag.Parse()
	if err := run(*action, *folder); err != nil {
		log.Fatal(err)
	}
}

func run(action, folder string) error {
	switch action {
	case "create":
		return os.MkdirAll(folder, 0o755)
	case "delete":
		return os.RemoveAll(folder)
	default:
		return fmt.Errorf("unknown action %q", action)
	}
}
