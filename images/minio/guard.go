package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Written by us, so no escaping is needed where it is used.
const refusal = `<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>%s</Message></Error>`

// guard lets pass what is plain S3, MinIO's administration, health and metrics.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if reason := refused(r); reason != "" {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, refusal, reason)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refused says why a request is not served; "" if it is. docs/adr/0011-minio.md has the advisories.
func refused(r *http.Request) string {
	query, err := url.ParseQuery(r.URL.RawQuery)
	switch {
	case err != nil:
		return "the query cannot be read"
	case forgeable(r, query):
		return "a body without a signature needs a request that is signed in its header" // CVE-2026-41145
	case has(r.Header, "X-Amz-Meta-Snowball-Auto-Extract"):
		return "archives are not unpacked here" // CVE-2026-40344
	case has(r.Header, "X-Minio-") || has(query, "X-Minio-"):
		return "nothing replicates to this store: no request has headers of MinIO's own" // CVE-2026-34204
	case r.Method == http.MethodPost && query.Has("select"):
		return "there is no S3 Select here" // CVE-2026-39414
	case r.Method == http.MethodPost && temporary(r, query):
		return "there are no temporary credentials here" // CVE-2025-62506, CVE-2026-33322, CVE-2026-33419
	}
	return ""
}

// forgeable is a request whose sender MinIO takes from one place and proves by another, or by none.
func forgeable(r *http.Request, query url.Values) bool {
	for _, digest := range r.Header.Values("X-Amz-Content-Sha256") {
		if strings.EqualFold(digest, "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
			return r.Header.Get("Authorization") == "" || has(query, "X-Amz-")
		}
	}
	return false
}

// temporary is a request to STS, which MinIO answers on any path.
func temporary(r *http.Request, query url.Values) bool {
	form := strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "application/x-www-form-urlencoded")
	return form && len(query) == 0 || query.Has("Action")
}

func has(values map[string][]string, prefix string) bool {
	for key := range values {
		if strings.HasPrefix(strings.ToLower(key), strings.ToLower(prefix)) {
			return true
		}
	}
	return false
}
