{{/*
What the schema cannot see, told before anything is sent to the cluster. Every sentence names the value
to change.
*/}}
{{- define "turnfleet.validate" -}}
{{- $values := .Values }}
{{- $problems := list }}

{{- if not (or $values.relayNamespaces $values.watchAllNamespaces) }}
{{- $problems = append $problems "relayNamespaces is empty: give at least one namespace for regions, or set watchAllNamespaces." }}
{{- end }}
{{- $watched := list }}
{{- range $values.relayNamespaces }}
{{- if eq .name $.Release.Namespace }}
{{- $problems = append $problems (printf "relayNamespaces has the release namespace %q: relays need a privileged namespace of their own, away from the API keys." .name) }}
{{- end }}
{{- if has .name $watched }}
{{- $problems = append $problems (printf "relayNamespaces has %q twice." .name) }}
{{- end }}
{{- $watched = append $watched .name }}
{{- end }}

{{- range $name, $region := $values.regions }}
{{- $namespace := include "turnfleet.regionNamespace" (dict "root" $ "region" $region) }}
{{- if not $namespace }}
{{- $problems = append $problems (printf "regions.%s has no namespace, and relayNamespaces has none to put it in: set regions.%s.namespace." $name $name) }}
{{- else if eq $namespace $.Release.Namespace }}
{{- $problems = append $problems (printf "regions.%s.namespace is the release namespace: relays need a privileged namespace of their own." $name) }}
{{- else if not (or $values.watchAllNamespaces (has $namespace $watched)) }}
{{- $problems = append $problems (printf "regions.%s.namespace %q is not in relayNamespaces, so nothing would run it." $name $namespace) }}
{{- end }}
{{- $image := dig "relays" "image" "" $region.spec }}
{{- if and $image (not (include "turnfleet.imageAllowed" (dict "root" $ "image" $image))) }}
{{- $problems = append $problems (printf "regions.%s.spec.relays.image %q matches nothing in relays.allowImages." $name $image) }}
{{- end }}
{{- end }}

{{- $image := include "turnfleet.relayImage" . }}
{{- if not (include "turnfleet.imageAllowed" (dict "root" . "image" $image)) }}
{{- $problems = append $problems (printf "relays.image is %q, which matches nothing in relays.allowImages: the operator would refuse every region." $image) }}
{{- end }}
{{- range $where, $tag := dict "image.tag" $values.image.tag "relays.image.tag" $values.relays.image.tag "guard.image.tag" $values.guard.image.tag }}
{{- if eq $tag "latest" }}
{{- $problems = append $problems (printf "%s is \"latest\", which is another image tomorrow: give a version, or a digest." $where) }}
{{- end }}
{{- end }}
{{- if and $values.relays.priorityClass.create (not $values.relays.priorityClass.name) }}
{{- $problems = append $problems "relays.priorityClass.create needs relays.priorityClass.name." }}
{{- end }}

{{- range $where, $networks := dict "relays.denyPeers" $values.relays.denyPeers "guard.openPeers" $values.guard.openPeers }}
{{- range $network := $networks }}
{{- with include "turnfleet.networkProblem" $network }}
{{- $problems = append $problems (printf "%s has %q, %s" $where $network .) }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $region := $values.regions }}
{{- range $list, $networks := pick ($region.spec.peers | default dict) "allow" "deny" }}
{{- range $network := $networks }}
{{- with include "turnfleet.networkProblem" $network }}
{{- $problems = append $problems (printf "regions.%s.spec.peers.%s has %q, %s" $name $list $network .) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- with $values.guard }}
{{- $namespace := include "turnfleet.guardNamespace" $ }}
{{- if and .enabled (not $namespace) }}
{{- $problems = append $problems "guard.enabled needs guard.namespace: relayNamespaces has none to put it in." }}
{{- end }}
{{- if and .enabled (eq $namespace $.Release.Namespace) }}
{{- $problems = append $problems "guard.namespace is the release namespace: a guard needs a privileged namespace, as relays do." }}
{{- end }}
{{- if gt (int .relayPorts.min) (int .relayPorts.max) }}
{{- $problems = append $problems "guard.relayPorts.min is more than max." }}
{{- end }}
{{- if .enabled }}
{{- $ports := include "turnfleet.guardPorts" $ | fromJson }}
{{- range $port := $ports.listeners }}
{{- range $ports.relayed }}
{{- if and (ge (int $port) (int .min)) (le (int $port) (int .max)) }}
{{- $problems = append $problems (printf "the listener port %d lies in relay ports (%d to %d): a guard cannot tell answers of one region from relayed packets of another. Move the listener, or narrow guard.relayPorts or the region's." (int $port) (int .min) (int .max)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- with $values.api }}
{{- if and (eq .access "open") (not .origins) }}
{{- $problems = append $problems "api.access is open but api.origins is empty, so no page could read an answer: list the origins of your pages." }}
{{- end }}
{{- if .keys.existingSecret }}
{{- if .keys.hashes }}
{{- $problems = append $problems "api.keys has both existingSecret and hashes: put the hashes into that Secret, or drop it." }}
{{- end }}
{{- else if and (eq .access "key") (not .keys.generate) (not .keys.hashes) }}
{{- $problems = append $problems "api.access is key but there is no key: set api.keys.generate, or give api.keys.hashes or api.keys.existingSecret." }}
{{- end }}
{{- if and .keys.generate (hasKey .keys.hashes "first") }}
{{- $problems = append $problems "api.keys.hashes has an entry \"first\", the name of the generated key: name it otherwise, or set api.keys.generate to false." }}
{{- end }}
{{- if and .autoscaling.enabled (gt (int .autoscaling.minReplicas) (int .autoscaling.maxReplicas)) }}
{{- $problems = append $problems "api.autoscaling.minReplicas is more than maxReplicas." }}
{{- end }}
{{- if and .ingress.enabled (not .ingress.hosts) }}
{{- $problems = append $problems "api.ingress.enabled needs api.ingress.hosts: without one it would answer for every name." }}
{{- end }}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}
{{- $problems = append $problems "api.httpRoute.enabled needs api.httpRoute.parentRefs: no Gateway would take it." }}
{{- end }}
{{- end }}

{{- range $component := list "operator" "api" }}
{{- $labels := (index $values $component).podLabels }}
{{- range $key := keys (include "turnfleet.labels" (dict "root" $ "component" $component) | fromYaml) }}
{{- if hasKey $labels $key }}
{{- $problems = append $problems (printf "%s.podLabels may not set %s, which the chart sets." $component $key) }}
{{- end }}
{{- end }}
{{- end }}

{{- if $problems }}
{{- fail (printf "\n\n%s\n" (join "\n" $problems)) }}
{{- end }}
{{- end }}
