{{/*
Rights: one list of rules for each program and place. tests/support/entitlements.py holds the table of
what each program can and cannot do.
*/}}

{{/* The operator where relays live. */}}
{{- define "turnfleet.rights.operator.relays" -}}
- apiGroups: [turnfleet.io]
  resources: [turnregions]
  # Those of `regions` are made, changed and pruned by the operator.
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [turnfleet.io]
  resources: [turnregions/status]
  verbs: [patch]
- apiGroups: [turnfleet.io]
  resources: [turnregions/finalizers]
  # Asked for by owner references that block deletion, where the cluster enforces that.
  verbs: [update]
- apiGroups: [""]
  resources: [pods]
  # Never create: a workload does that.
  verbs: [list, watch, patch, delete]
- apiGroups: [""]
  resources: [configmaps, serviceaccounts, secrets]
  # Never delete: they go with their region, by the garbage collector.
  verbs: [list, watch, create, patch]
- apiGroups: [apps]
  resources: [replicasets, daemonsets]
  # Delete: the one that another placement has left empty.
  verbs: [list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}

{{/* The operator beside itself: who leads, and what endpoints sign with. */}}
{{- define "turnfleet.rights.operator.home" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  # A right to create cannot be limited to a name.
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [turnfleet-operator]
  verbs: [get, update]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [turnfleet-signing]
  verbs: [list, watch, patch]
{{- end }}

{{/* The operator in the cluster: addresses and zones of relays are those of their nodes. */}}
{{- define "turnfleet.rights.operator.cluster" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}

{{/* The endpoint where relays live: it reads regions, and their status tells it all. */}}
{{- define "turnfleet.rights.api.relays" -}}
- apiGroups: [turnfleet.io]
  resources: [turnregions]
  verbs: [list, watch]
{{- end }}

{{/* The endpoint beside itself: one Secret by name. */}}
{{- define "turnfleet.rights.api.home" -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [turnfleet-signing]
  verbs: [list, watch]
{{- end }}

{{/* The uninstall that leaves nothing, where relays live: to delete regions and see them gone. */}}
{{- define "turnfleet.rights.uninstall.relays" -}}
- apiGroups: [turnfleet.io]
  resources: [turnregions]
  verbs: [list, delete]
{{- end }}

{{/* Beside the operator: to stop it, or it would bring back the regions of the values, and to take
its Lease away, which it made itself. */}}
{{- define "turnfleet.rights.uninstall.home" -}}
- apiGroups: [apps]
  resources: [deployments/scale]
  resourceNames: [turnfleet-operator]
  verbs: [patch]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [turnfleet-operator]
  verbs: [delete]
{{- end }}

{{/* A Role or ClusterRole and its binding to the component's account. Takes root, component, rules,
and namespace: empty for the whole cluster; annotations for hooks. */}}
{{- define "turnfleet.grant" -}}
{{- $name := printf "turnfleet-%s" .component }}
{{- if not .namespace }}{{ $name = include "turnfleet.clusterName" . }}{{ end }}
{{- $kind := ternary "Role" "ClusterRole" (not (empty .namespace)) }}
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}
metadata:
  name: {{ $name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "turnfleet.labels" . | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- . | nindent 4 }}
  {{- end }}
rules: {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ $kind }}Binding
metadata:
  name: {{ $name }}
  {{- with .namespace }}
  namespace: {{ . }}
  {{- end }}
  labels: {{- include "turnfleet.labels" . | nindent 4 }}
  {{- with .annotations }}
  annotations: {{- . | nindent 4 }}
  {{- end }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ $kind }}
  name: {{ $name }}
subjects:
  - kind: ServiceAccount
    name: turnfleet-{{ .component }}
    namespace: {{ .root.Release.Namespace }}
{{- end }}
