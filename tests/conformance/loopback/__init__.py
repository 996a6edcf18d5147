"""A store on loopback addresses of its own: real names, certificates and processes, no cluster."""
