{{/* The guard of nodes: where it runs, and what it is told of ports and networks. */}}

{{/* Relays' namespaces allow the network of the node; that of the release may not. */}}
{{- define "turnfleet.guardNamespace" -}}
{{- $first := dict }}
{{- if .Values.relayNamespaces }}{{ $first = first .Values.relayNamespaces }}{{ end }}
{{- .Values.guard.namespace | default $first.name | default "" }}
{{- end }}

{{- define "turnfleet.guardImage" -}}
{{- $own := not (empty .Values.guard.image.repository) }}
{{- $image := ternary .Values.guard.image .Values.relays.image $own }}
{{- include "turnfleet.image" (dict "root" . "image" $image) }}
{{- end }}

{{/* The values' own, and what the regions of the values need; the guard puts together what overlaps. */}}
{{- define "turnfleet.guardArgs" -}}
{{- $flags := list }}
{{- range .Values.guard.listenerPorts }}
{{- $flags = append $flags (printf "--listener=%d" (int .)) }}
{{- end }}
{{- with .Values.guard.relayPorts }}
{{- $flags = append $flags (printf "--relay-ports=%d-%d" (int .min) (int .max)) }}
{{- end }}
{{- range .Values.regions }}
{{- with dig "listeners" "udp" "port" 0 .spec }}
{{- $flags = append $flags (printf "--listener=%d" (int .)) }}
{{- end }}
{{- with .spec.relayPorts }}
{{- $flags = append $flags (printf "--relay-ports=%d-%d" (int (dig "min" 49152 .)) (int (dig "max" 65535 .))) }}
{{- end }}
{{- range dig "peers" "allow" list .spec }}
{{- $flags = append $flags (printf "--allow=%s" .) }}
{{- end }}
{{- end }}
{{- range .Values.guard.openPeers }}
{{- $flags = append $flags (printf "--allow=%s" .) }}
{{- end }}
{{- range .Values.relays.denyPeers }}
{{- $flags = append $flags (printf "--deny=%s" .) }}
{{- end }}
{{- range uniq $flags }}
- {{ . }}
{{- end }}
{{- end }}
