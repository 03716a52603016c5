{{/*
What is wrong with a text that should be a network, as the end of a sentence; empty where nothing is.
Guard and operator end at once where they are told of a network that has bits set behind its prefix:
it is an address in a network, and only who wrote it knows which of the two was meant.
*/}}
{{- define "turnfleet.networkProblem" -}}
{{- $address := splitList "/" . | first }}
{{- $length := splitList "/" . | last | atoi }}
{{- $bits := include "turnfleet.addressBits" $address }}
{{- $whole := len $bits }}
{{- if not (and $bits (regexMatch "^[^/]+/[0-9]{1,3}$" .) (le $length $whole)) }}
{{- "which is no network such as 10.0.0.0/8 or fd00::/8." }}
{{- else if contains "1" (substr $length $whole $bits) }}
{{- $masked := printf "%s%s" (substr 0 $length $bits) (repeat (sub $whole $length | int) "0") }}
{{- $network := include "turnfleet.addressOfBits" $masked }}
{{- printf "which is an address in a network: write %s/%d for the network, or %s/%d for the address alone." $network $length $address $whole }}
{{- end }}
{{- end }}

{{/* The bits of an address as 32 or 128 digits; empty where the text is none. */}}
{{- define "turnfleet.addressBits" -}}
{{- $octet := "(0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])" }}
{{- $group := "[0-9a-f]{1,4}" }}
{{- $groups := . }}
{{- if eq (splitList "::" . | len) 2 }}
{{- $written := splitList ":" . | compact | len }}
{{- $zeros := repeat (max 1 (sub 8 $written) | int) "0:" | trimSuffix ":" }}
{{- $groups = list (splitList "::" . | first) $zeros (splitList "::" . | last) | compact | join ":" }}
{{- end }}
{{- if regexMatch (printf "^(%s\\.){3}%s$" $octet $octet) . }}
{{- range splitList "." . }}{{ printf "%08b" (atoi .) }}{{ end }}
{{- else if regexMatch (printf "^(%s:){7}%s$" $group $group) $groups }}
{{- range splitList ":" $groups }}{{ printf "%016b" (int64 (printf "0x%s" .)) }}{{ end }}
{{- end }}
{{- end }}

{{/* The address that 32 or 128 bits are, with trailing zeros as "::". */}}
{{- define "turnfleet.addressOfBits" -}}
{{- $parts := list }}
{{- if eq (len .) 32 }}
{{- range regexFindAll ".{8}" . -1 }}
{{- $parts = append $parts (printf "%d" (int64 (printf "0b%s" .))) }}
{{- end }}
{{- join "." $parts }}
{{- else }}
{{- range regexFindAll ".{16}" . -1 }}
{{- $parts = append $parts (printf "%x" (int64 (printf "0b%s" .))) }}
{{- end }}
{{- regexReplaceAll "(:0)+$" (join ":" $parts) "::" }}
{{- end }}
{{- end }}
