{{/*
Names and labels. Names are fixed, because the programs and their rights go by them: a second fleet
of a cluster is a release in another namespace. What is of the whole cluster has the namespace in it.
*/}}

{{- define "turnfleet.clusterName" -}}
turnfleet-{{ .component }}.{{ .root.Release.Namespace }}
{{- end }}

{{/* The labels by which pods are selected: never changed and never the user's, since a selector is
fixed once made. */}}
{{- define "turnfleet.selector" -}}
app.kubernetes.io/name: turnfleet
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "turnfleet.labels" -}}
{{ include "turnfleet.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: turnfleet
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* What an uninstall leaves where crds.keep says so. Ends the annotations block it is put in. */}}
{{- define "turnfleet.keep" -}}
{{- if .Values.crds.keep -}}
helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* The namespaces whose regions this release runs, as flags of either program. */}}
{{- define "turnfleet.watchArgs" -}}
{{- if .Values.watchAllNamespaces -}}
- --all-namespaces
{{- else -}}
{{- $flags := list }}
{{- range .Values.relayNamespaces }}
{{- $flags = append $flags (printf "- --namespace=%s" .name) }}
{{- end }}
{{- join "\n" $flags }}
{{- end }}
{{- end }}

{{- define "turnfleet.signingSecret" -}}
{{ .Release.Namespace }}/turnfleet-signing
{{- end }}

{{- define "turnfleet.apiKeysSecret" -}}
{{ .Values.api.keys.existingSecret | default "turnfleet-api-keys" }}
{{- end }}

{{/* Where a region of `regions` goes. */}}
{{- define "turnfleet.regionNamespace" -}}
{{- $first := dict }}
{{- if .root.Values.relayNamespaces }}{{ $first = first .root.Values.relayNamespaces }}{{ end }}
{{- .region.namespace | default $first.name | default "" }}
{{- end }}
