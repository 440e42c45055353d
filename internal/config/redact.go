package config

import (
	"regexp"
	"strings"
)

// hidden stands where a secret was.
const hidden = "***"

var secretParameter = regexp.MustCompile(`(?i)([?&][^=&#]*(?:password|passwd|secret|token|key)[^=&#]*=)[^&#]*`)

// RedactURL is a URL as it may be shown: passwords of its user information and of its
// query are replaced. It works on what is no valid URL too, and then hides too much
// rather than too little: a password may hold an "@", a "/" or a ",".
func RedactURL(url string) string {
	scheme := ""
	if i := strings.Index(url, "://"); i >= 0 {
		scheme, url = url[:i+len("://")], url[i+len("://"):]
	}
	if at := strings.LastIndexByte(url, '@'); at >= 0 {
		user, _, _ := strings.Cut(url[:at], ":")
		if len(user) == at {
			user = hidden // no password: what stands there may be a token
		} else {
			user += ":" + hidden
		}
		url = user + url[at:]
	}
	return scheme + secretParameter.ReplaceAllString(url, "${1}"+hidden)
}
