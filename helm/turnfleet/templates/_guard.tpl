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

{{/* UDP ports as JSON, {listeners: [port], relayed: [{min, max}]}: the values' own, and what the
regions of the values have. What a region does not write is as the operator reads it. */}}
{{- define "turnfleet.guardPorts" -}}
{{- $listeners := .Values.guard.listenerPorts }}
{{- $relayed := list .Values.guard.relayPorts }}
{{- range .Values.regions }}
{{- with dig "udp" "port" 0 (.spec.listeners | default (dict "udp" (dict "port" 3478))) }}
{{- $listeners = append $listeners . }}
{{- end }}
{{- $relayed = append $relayed (.spec.relayPorts | default (dict "min" 49152 "max" 65535)) }}
{{- end }}
{{- dict "listeners" (uniq $listeners) "relayed" (uniq $relayed) | toJson }}
{{- end }}

{{/* The guard puts together what overlaps. */}}
{{- define "turnfleet.guardArgs" -}}
{{- $flags := list }}
{{- $ports := include "turnfleet.guardPorts" . | fromJson }}
{{- range $ports.listeners }}
{{- $flags = append $flags (printf "--listener=%d" (int .)) }}
{{- end }}
{{- range $ports.relayed }}
{{- $flags = append $flags (printf "--relay-ports=%d-%d" (int .min) (int .max)) }}
{{- end }}
{{- range .Values.regions }}
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
