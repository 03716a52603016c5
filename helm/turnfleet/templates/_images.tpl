{{/* Images: one place that puts repository, tag and digest together, and one that matches patterns. */}}

{{- define "turnfleet.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end }}
{{- end }}

{{- define "turnfleet.relayImage" -}}
{{ include "turnfleet.image" (dict "root" . "image" .Values.relays.image) }}
{{- end }}

{{/* Says "yes" for an image that a pattern of relays.allowImages matches, as the operator will. */}}
{{- define "turnfleet.imageAllowed" -}}
{{- $image := .image }}
{{- range .root.Values.relays.allowImages }}
{{- if regexMatch (printf "^%s$" (regexQuoteMeta . | replace "\\*" ".*")) $image }}yes{{ end }}
{{- end }}
{{- end }}
